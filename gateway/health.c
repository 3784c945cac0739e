#include "health.h"

#include "backend.h"
#include "pace.h"

#include "base/log.h"
#include "http/worker.h"

#include <stdlib.h>

enum { READYZ_MAX = 64 * 1024 };

struct health {
    struct pace pace;
    struct balance *balance;
    int timeout_ms;
    bool is_told; /* in the log, by one worker for all */
};

/* One question under way. The host may leave the set meanwhile: then nobody has its number. */
struct check {
    struct health *health;
    uint32_t id;
};

static struct host *host_find(const struct balance *b, uint32_t id)
{
    size_t count;
    struct host *const *hosts = balance_hosts(b, &count);
    for (size_t i = 0; i < count; i++)
        if (hosts[i]->id == id) return hosts[i];
    return NULL;
}

static const char *reason_of(const struct client_reply *reply)
{
    static const char *const reasons[] = {
        [CLIENT_OK] = "not ready",           [CLIENT_CONNECT] = "no connection", [CLIENT_TIMEOUT] = "no answer in time",
        [CLIENT_PROTOCOL] = "no HTTP/1.1",   [CLIENT_CLOSED] = "closed",         [CLIENT_TOO_LARGE] = "too large an answer",
        [CLIENT_BUSY] = "too much under way",
    };
    return reasons[reply->error];
}

static void tell(const struct host *h, const struct client_reply *reply)
{
    if (h->up) log_info("upstream host is up", LOG_Z("host", h->address));
    else log_warn("upstream host is down", LOG_Z("host", h->address), LOG_Z("reason", reason_of(reply)), LOG_INT("status", reply->status));
}

static enum host_check result_of(const struct client_reply *reply)
{
    if (reply->error != CLIENT_OK) return CHECK_BAD;
    if (reply->status / 100 == 2) return CHECK_GOOD;
    return reply->status == 503 ? CHECK_LEAVING : CHECK_BAD;
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct check *c = arg;
    const struct health *health = c->health;
    struct host *h = host_find(health->balance, c->id);
    free(c);
    if (!h) return;
    ((struct backend *)h->extra)->is_checked = false;
    bool was_up = h->up;
    if (reply->error == CLIENT_BUSY) return; /* says nothing of the host */
    balance_check(health->balance, h->id, result_of(reply));
    if (h->up != was_up && health->is_told) tell(h, reply);
}

static void host_check(struct health *health, struct host *h)
{
    const struct client_request request = {
        .method = METHOD_GET, .target = STR("/readyz"), .timeout_ms = health->timeout_ms, .reply_max = READYZ_MAX, .idempotent = true,
    };
    struct backend *backend = h->extra;
    if (backend->is_checked) return;
    struct check *c = calloc(1, sizeof *c);
    if (!c) abort();
    *c = (struct check){ health, h->id };
    backend->is_checked = true;
    client_send(backend->origin, &request, on_reply, c);
}

static void on_pace(void *arg)
{
    struct health *health = arg;
    size_t count;
    struct host *const *hosts = balance_hosts(health->balance, &count);
    for (size_t i = 0; i < count; i++) host_check(health, hosts[i]);
}

struct health *health_new(const struct worker *w, struct balance *b, int every_ms, int timeout_ms)
{
    struct health *h = calloc(1, sizeof *h);
    if (!h) abort();
    *h = (struct health){ .balance = b, .timeout_ms = timeout_ms, .is_told = w->index == 0 };
    pace_start(&h->pace, w->base, every_ms, on_pace, h);
    return h;
}

void health_free(struct health *h)
{
    if (!h) return;
    pace_stop(&h->pace);
    free(h);
}
