#include "app/listen.h"

#include "app/app.h"
#include "app/dispatch.h"
#include "app/settings.h"
#include "app/system.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/census.h"
#include "http/worker.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { TELL_US = 1000 * 1000 };

#define AT(member) offsetof(struct listen_settings, member)

const struct opt listen_opts[] = {
    { "MAX_CONNECTIONS", O_INT, AT(connections_max), "16384", O_LIVE, 1, 1000000,
      "connections of clients to the process; those beyond get 503, then are closed" },
    { "MAX_CONNECTIONS_PER_ADDRESS", O_INT, AT(connections_address_max), "2048", O_LIVE, 0, 1000000,
      "the same of one client address (IPv6: one /64), trusted proxies excepted; 0: no limit" },
    { "MAX_REQUESTS_IN_FLIGHT", O_INT, AT(requests_max), "512", O_LIVE, 1, 1000000,
      "requests under way in the process; those beyond wait in turn ..." },
    { "REQUEST_QUEUE_MS", O_INT, AT(queue_ms), "500", O_LIVE, 0, 60000,
      "... so long, in milliseconds, then get 503 with Retry-After; 0: at once" },
    { "MAX_HEAD_BYTES", O_INT, AT(head_max), "16384", O_LIVE, 1024, 65536,
      "request line and header fields, in bytes; 431 beyond. A service takes 1,024 more, for what a gateway adds" },
    { "MAX_HEADERS", O_INT, AT(headers_max), "100", O_LIVE, 8, LIMIT_HEADERS, "header fields; 431 beyond. A service takes 8 more" },
    { "MAX_TARGET_BYTES", O_INT, AT(target_max), "8192", O_LIVE, 64, LIMIT_TARGET, "path and query, in bytes; 414 beyond" },
    { "MAX_BODY_BYTES", O_INT, AT(body_max), "1048576", O_LIVE, 1, 1073741824,
      "body of a request, where its route says nothing else, in bytes; 413 beyond" },
    { "HEAD_TIMEOUT_MS", O_INT, AT(head_ms), "10000", O_LIVE, 10, 600000,
      "first byte to end of head, and TLS handshake, in milliseconds; 408 beyond" },
    { "BODY_TIMEOUT_MS", O_INT, AT(body_ms), "10000", O_LIVE, 10, 600000,
      "for the body, in milliseconds, and a second more for every ..." },
    { "BODY_MIN_RATE", O_INT, AT(body_rate), "1024", O_LIVE, 1, 1073741824, "... bytes of it that have come; 408 beyond" },
    { "IDLE_TIMEOUT_MS", O_INT, AT(idle_ms), "75000", O_LIVE, 10, 3600000,
      "a connection without a request is closed after this, in milliseconds" },
    { 0 },
};

static struct census *census;

static void tell_failure(const char *address, int port)
{
    log_error("cannot listen", LOG_Z("address", address), LOG_INT("port", port), LOG_Z("error", strerror(errno)));
}

/* All at once: two of them may be the same. */
static bool are_free(const struct listen_place *places, size_t count)
{
    int claims[LISTEN_PLACES_MAX];
    size_t held = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        if (!places[i].port) continue;
        int fd = server_claim(places[i].address, places[i].port);
        ok = fd >= 0;
        if (ok) claims[held++] = fd;
        else tell_failure(places[i].address, places[i].port);
    }
    while (held) close(claims[--held]);
    return ok;
}

bool listen_start(const struct listen_settings *s, const struct listen_place *places, size_t count)
{
    census = census_new(s->connections_max, s->connections_address_max);
    return are_free(places, count);
}

void listen_stop(void)
{
    census_free(census);
}

/* However busy the process is, it still says how it is. */
static bool is_vital(const struct req *r)
{
    for (size_t i = 0; i < system_routes.count; i++)
        if (str_eq(r->path, system_routes.rows[i].path)) return true;
    return false;
}

static struct server_limits limits_of(const struct worker *w)
{
    const struct app_settings *app = settings_of(w);
    const struct listen_settings *s = &app->listen;
    return (struct server_limits){
        .head_max = s->head_max,
        .headers_max = s->headers_max,
        .target_max = s->target_max,
        .body_max = s->body_max,
        .head_ms = s->head_ms,
        .idle_ms = s->idle_ms,
        .body_ms = s->body_ms,
        .body_rate = s->body_rate,
        .queue_ms = s->queue_ms ? s->queue_ms : -1,
        .requests_max = (s->requests_max + w->app->worker_count - 1) / w->app->worker_count,
    };
}

struct server *listen_open(struct worker *w, struct server_config config, bool is_public)
{
    config.limits = limits_of(w);
    config.census = is_public ? census : NULL;
    config.worker = w;
    config.is_vital = is_vital;
    config.on_refused = dispatch_refused;
    struct server *s = server_new(w->base, &config);
    if (!s) tell_failure(config.address, config.port);
    return s;
}

void listen_apply(const struct worker *w, struct server *server)
{
    const struct app_settings *app = settings_of(w);
    struct server_limits limits = limits_of(w);
    server_set_limits(server, &limits);
    if (w->index == 0) census_set(census, app->listen.connections_max, app->listen.connections_address_max);
}

void listen_tell(const struct worker *w)
{
    static _Thread_local uint64_t told, told_us;
    uint64_t now = clock_us(), dropped = w->refusals[REFUSAL_DROPPED];
    if (dropped == told || now - told_us < TELL_US) return;
    log_warn("connections closed at accept: over the limit", LOG_INT("count", (int64_t)(dropped - told)));
    told = dropped;
    told_us = now;
}
