#include "app/service.h"

#include "app/access.h"
#include "app/announcer.h"
#include "app/app.h"
#include "app/dispatch.h"
#include "app/errands.h"
#include "app/housekeeper.h"
#include "app/listen.h"
#include "app/outgoing.h"
#include "app/peers.h"
#include "app/settings.h"
#include "app/system.h"
#include "auth/guard.h"
#include "base/config_file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/pinyin.h"
#include "base/vault.h"
#include "http/client.h"
#include "http/client_name.h"
#include "http/reply.h"
#include "http/router.h"
#include "http/server.h"
#include "io/work.h"
#include "permissions.h"
#include "rest/ask.h"
#include "rest/authors.h"
#include "rest/cursor.h"
#include "rest/data_keys.h"
#include "rest/etag.h"
#include "rest/events.h"
#include "rest/lookup.h"
#include "rest/names.h"
#include "rest/reseal.h"
#include "rest/remote.h"
#include "rest/rest.h"
#include "rest/reveal.h"
#include "rest/segment.h"
#include "rest/statements.h"
#include "schema/seal.h"
#include "schema/type.h"

#include <stdio.h>
#include <stdlib.h>

enum { PG_OWN_MAX = 64 };

struct service_settings {
    struct app_settings app;
    const char *address, *database_url, *cursor_secret, *timezone, *data_keys, *data_keys_file, *trusted_proxies;
    int port, pg_connections, pg_list_connections, pg_count_connections, pg_change_connections, statement_timeout_ms;
    bool strict;
    int reveals_per_hour;
    struct tls_files tls;
    void *server_tls; /* made of them; NULL: plain HTTP */
    struct vault *vault; /* of the data keys; NULL: none were given, and none are needed */
    struct cidr_set *trusted;
    struct peers peers;
    _Alignas(max_align_t) char own[]; /* of the one service */
};

#define AT(member) offsetof(struct service_settings, member)
static const struct opt opts[] = {
    { "HTTP_ADDRESS", O_STR, AT(address), "127.0.0.1", 0, 1, 0, "address to listen on" },
    { "HTTP_PORT", O_INT, AT(port), NULL, O_REQUIRED, 1, 65535, "port to listen on" },
    { "TLS_CERT_FILE", O_STR, AT(tls.cert_file), NULL, O_LIVE, 1, 0, "certificate chain, PEM: the port speaks TLS; default: plain HTTP" },
    { "TLS_KEY_FILE", O_STR, AT(tls.key_file), NULL, O_LIVE, 1, 0, "its private key, PEM" },
    { "TLS_CLIENT_CA_FILE", O_STR, AT(tls.ca_file), NULL, O_LIVE, 1, 0,
      "PEM: only clients with a certificate of this CA are served; default: all" },
    { "TRUSTED_PROXIES", O_STR, AT(trusted_proxies), "127.0.0.0/8, ::1", O_LIVE, 0, 0,
      "addresses and prefixes (CIDR), comma-separated, of gateways whose X-Forwarded-For is believed" },
    { "DATABASE_URL", O_STR, AT(database_url), NULL, O_REQUIRED | O_SECRET, 1, 0, "PostgreSQL, as a libpq URL" },
    { "CURSOR_SECRET", O_STR, AT(cursor_secret), NULL, O_REQUIRED | O_SECRET, 32, 0,
      "signs list cursors; the same on every replica; at least 32 characters" },
    { "DATA_KEYS_FILE", O_STR, AT(data_keys_file), NULL, 0, 1, 0,
      "file of the keys that stored values are encrypted with, `<id>:<base64 of 32 bytes>` a line, the current one first, and "
      "`index:<base64 of 32 bytes>`; the same on every replica; required where anything is encrypted" },
    { "DATA_KEYS", O_STR, AT(data_keys), NULL, O_SECRET, 1, 0, "the same in place of the file; a comma is a line end" },
    { "APP_TIMEZONE", O_STR, AT(timezone), "Asia/Shanghai", 0, 1, 0, "IANA zone of all wall-clock times" },
    { "PG_CONNECTIONS", O_INT, AT(pg_connections), "1", 0, 1, 64, "pipelined connections per thread: one batches best, 1 to 64" },
    { "PG_LIST_CONNECTIONS", O_INT, AT(pg_list_connections), "2", 0, 1, 64, "further ones for lists, 1 to 64" },
    { "PG_COUNT_CONNECTIONS", O_INT, AT(pg_count_connections), "1", 0, 1, 64, "further ones for the totals of lists, 1 to 64" },
    { "PG_CHANGE_CONNECTIONS", O_INT, AT(pg_change_connections), "2", 0, 1, 64,
      "further ones for changes, 1 to 64: so many wait for the disk at once" },
    { "STATEMENT_TIMEOUT_MS", O_INT, AT(statement_timeout_ms), "5000", 0, 10, 600000,
      "longest statement, in milliseconds" },
    { "STRICT_PRECONDITIONS", O_BOOL, AT(strict), "0", 0, 0, 0, "demand If-Match on changes: 1 or 0" },
    { "REVEALS_PER_HOUR", O_INT, AT(reveals_per_hour), "60", 0, 0, 1000000,
      "masked records that a user may look at in clear within an hour" },
    { 0 },
};

static const struct service *service;
static const struct pg_stmt *const *statements;
static const char *channels[] = { "names", ".events", NULL, NULL };

/* --- one worker -------------------------------------------------------------------------------------------------------- */

/* Whatever needs a permission may read or write what is encrypted. */
static bool keys_admit(struct req *r)
{
    if (data_keys_are_good() || r->route->permission == PERM_PUBLIC) return true;
    r->problem.retry_after_s = 1;
    problem_set(&r->problem, E_DATABASE_DOWN);
    return false;
}

static void handle(struct req *r)
{
    if (r->who) authors_saw(r->worker->authors, r->who);
    if (keys_admit(r)) r->route->handler(r);
    else reply_error(r);
}

static void on_request(struct req *r)
{
    const struct service_settings *s = settings_of(r->worker);
    client_name(r, s->trusted);
    if (dispatch_route(r)) guard_admit(r, handle);
    else reply_error(r);
}

static void on_tick(struct worker *w)
{
    if (w->index == 0 && data_keys_check(w) == DATA_KEYS_BAD) app_fail(w);
}

static void on_notify(void *arg, struct str channel, struct str payload)
{
    const struct worker *w = arg;
    bool is_any = str_is_none(channel); /* connected anew: of either, some may have been missed */
    if (is_any || str_is(channel, "names")) names_forget(w->names, payload);
    if (is_any || str_is(channel, ".events")) events_wake(w->events);
    if (is_any || (service->announces && str_is(channel, service->announces))) announcer_tell(w->announcer);
}

/* One worker tells: the others hear the same. */
static void start_announcer(struct worker *w)
{
    const struct service_settings *s = settings_of(w);
    if (service->announces && w->index == 0 && s->app.trust.redis_url)
        w->announcer = announcer_new(w->base, s->app.trust.redis_url, service->announces);
}

static void start_database(struct worker *w)
{
    const struct service_settings *s = settings_of(w);
    struct pg_config config = {
        .url = s->database_url, .timezone = s->timezone, .application = service->name,
        .connections = { [PG_FAST] = s->pg_connections, [PG_SLOW] = s->pg_list_connections,
                         [PG_COUNT] = s->pg_count_connections, [PG_CHANGE] = s->pg_change_connections },
        .statement_timeout_ms = s->statement_timeout_ms, .statements = statements,
        .channels = channels, .on_notify = on_notify, .notify_arg = w,
    };
    w->pg = pg_new(w->base, w->work, &config);
}

/* ICU loads its rules at first use, which would keep somebody's first write waiting. */
static void warm_up(void)
{
    struct arena a;
    arena_init(&a);
    pinyin_of(&a, STR("中"));
    arena_done(&a);
}

static bool worker_start(struct worker *w)
{
    const struct service_settings *s = settings_of(w);
    struct server_config config = {
        .address = s->address, .port = s->port, .tls = s->server_tls, .is_inner = true, .body_max_of = dispatch_body_max,
        .on_request = on_request };
    warm_up();
    w->work = work_new(w->base);
    w->names = names_new();
    w->shapes = shapes_new();
    w->lookups = lookups_new(w);
    w->authors = authors_new(w);
    w->events = events_new(w);
    w->client = outgoing_client(w);
    w->router = router_new(&w->app->routes);
    start_announcer(w);
    start_database(w);
    w->extra = housekeeper_new(w);
    w->follow = follow_new(w, &s->peers, service->sources);
    w->errands = errands_new(w, &s->peers, service->errands);
    w->server = listen_open(w, config, true);
    return trust_start(w) && w->server;
}

static void worker_drain(struct worker *w)
{
    if (w->server) server_drain(w->server);
    events_end(w->events);
    follow_stop(w->follow);
    errands_stop(w->errands);
}

static bool worker_is_busy(const struct worker *w)
{
    return server_is_busy(w->server) || pg_in_flight(w->pg) > 0;
}

static void worker_stop(struct worker *w)
{
    if (w->server) server_free(w->server);
    events_free(w->events);
    follow_stop(w->follow);
    errands_stop(w->errands);
    trust_stop(w);
    work_free(w->work);
    pg_free(w->pg);
    follow_free(w->follow);
    errands_free(w->errands);
    announcer_free(w->announcer);
    lookups_free(w->lookups);
    authors_free(w->authors);
    housekeeper_free(w->extra);
    client_free(w->client);
    router_free(w->router);
    shapes_free(w->shapes);
    names_free(w->names);
}

static void worker_reloaded(struct worker *w)
{
    const struct service_settings *s = settings_of(w);
    server_set_tls(w->server, s->server_tls);
    outgoing_reloaded(w);
    listen_apply(w, w->server);
}

static bool worker_ready(const struct worker *w)
{
    return w->pg && pg_ready(w->pg) && trust_is_ready(w) && data_keys_are_good();
}

/* --- the process --------------------------------------------------------------------------------------------------------- */

static void openapi(struct req *r)
{
    reply_raw(r, 200, STR("application/json; charset=utf-8"), *service->openapi);
}

static const struct route openapi_route[] = {
    { .method = METHOD_GET,
      .path = STR("/openapi.json"),
      .handler = openapi,
      .permission = PERM_PUBLIC,
      .timeout_ms = 1000,
      .operation = STR("openapi") },
};
static const struct route_table openapi_routes = { openapi_route, 1 };

const void *service_settings(const struct worker *w)
{
    return ((const struct service_settings *)settings_of(w))->own;
}

static const char *peer_url(const struct worker *w, const char *name)
{
    return peers_url(&((const struct service_settings *)settings_of(w))->peers, name);
}

static bool seals_anything(void)
{
    for (const struct resource *const *r = service->resources; *r; r++)
        if (seal_is_needed(*r)) return true;
    return false;
}

static bool vault_make(struct service_settings *s, struct buf *faults)
{
    struct buf file;
    const char *fault = NULL;
    buf_init(&file, LIMIT_CONFIG_FILE + 1);
    if (s->data_keys && s->data_keys_file) fault = "excludes DATA_KEYS";
    else if (s->data_keys_file) fault = config_file_bytes(s->data_keys_file, &file);
    else if (!s->data_keys && seals_anything()) fault = "or DATA_KEYS is required: values are stored encrypted";
    if (fault) buf_addf(faults, "DATA_KEYS_FILE %s\n", fault);
    else if (s->data_keys || s->data_keys_file) s->vault = vault_new(s->data_keys ? str_of(s->data_keys) : buf_str(&file), faults);
    if (file.data) explicit_bzero(file.data, file.cap);
    buf_done(&file);
    return s->vault || (!fault && !s->data_keys && !s->data_keys_file);
}

static bool make_trusted(struct service_settings *s, struct buf *faults)
{
    struct str bad;
    s->trusted = cidr_set_new();
    const char *fault = cidr_set_add_list(s->trusted, str_of(s->trusted_proxies), 1, &bad);
    if (fault) buf_addf(faults, "TRUSTED_PROXIES: %.*s: %s\n", STR_ARG(bad), fault);
    return !fault;
}

static bool settings_make(void *settings, struct buf *faults)
{
    struct service_settings *s = settings;
    const char *fault = NULL;
    bool ok = outgoing_make(&s->app.outgoing, faults), has_zone = zone_load(s->timezone) != NULL;
    ok = trust_make(&s->app.trust, &s->app.outgoing, faults) && ok;
    ok = vault_make(s, faults) && ok;
    ok = make_trusted(s, faults) && ok;
    ok = peers_check(&s->peers, &s->app.outgoing, faults) && ok;
    if (tls_is_wanted(&s->tls)) s->server_tls = tls_new(TLS_SERVER, &s->tls, &fault);
    if (fault) buf_addf(faults, "%s\n", fault);
    if (!has_zone) buf_addz(faults, "APP_TIMEZONE: no such zone\n");
    return ok && !fault && has_zone;
}

static void settings_done(void *settings)
{
    struct service_settings *s = settings;
    tls_free(s->server_tls);
    vault_free(s->vault);
    cidr_set_free(s->trusted);
    trust_done(&s->app.trust);
    outgoing_done(&s->app.outgoing);
}

static void configure(const struct service_settings *s)
{
    type_set_zone(zone_load(s->timezone));
    cursor_set_secret(str_of(s->cursor_secret));
    etag_set_strict(s->strict);
    seal_set_vault(s->vault);
    data_keys_begin(seals_anything() ? s->vault : NULL);
    reveal_set_limit(s->reveals_per_hour);
    ask_set(peer_url);
    remote_set(service->remotes);
}

/* Those of the service, and what follows others' events. */
static const struct pg_stmt *const *all_statements(void)
{
    static const struct pg_stmt *all[PG_OWN_MAX] = { &stmt_feed_claim, &stmt_feed_apply };
    size_t n = service->sources ? 2 : 0;
    for (const struct pg_stmt *const *s = service->statements; s && *s; s++) {
        if (n == PG_OWN_MAX - 1) abort();
        all[n++] = *s;
    }
    all[n] = NULL;
    return rest_statements(service->resources, all);
}

static void print_metrics(const struct app *app, struct buf *out)
{
    (void)app;
    follow_print(out);
}

static int serve(const struct settings_plan *plan)
{
    static struct app app;
    const struct service_settings *s = settings_start(plan);
    configure(s);
    statements = all_statements();
    channels[2] = service->announces;
    struct route_table system = route_table_join(&system_routes, &openapi_routes);
    app = (struct app){
        .name = service->name, .worker_count = s->app.workers, .trusts_gateway = true,
        .routes = route_table_join(service->routes, &system), .start = worker_start, .drain = worker_drain,
        .is_busy = worker_is_busy, .stop = worker_stop, .ready = worker_ready, .reloaded = worker_reloaded, .tick = on_tick,
        .metrics = print_metrics,
    };
    free((void *)system.rows);
    const struct listen_place place = { s->address, s->port };
    int status = listen_start(&s->app.listen, &place, 1) ? app_run(&app) : EXIT_FAILURE;
    listen_stop();
    free((void *)app.routes.rows);
    settings_end();
    return status;
}

static int rotate_data_keys(const struct settings_plan *plan)
{
    const struct service_settings *s = settings_start(plan);
    configure(s);
    int status = reseal_run(s->database_url, s->vault, service->resources);
    settings_end();
    return status;
}

int service_run(const struct service *s, int argc, char **argv)
{
    const struct settings_group groups[] = { { "Every process", app_opts, 0 },
                                             { "Limits of every process", listen_opts, offsetof(struct app_settings, listen) },
                                             { "Requests to services", outgoing_opts, offsetof(struct app_settings, outgoing) },
                                             { "Tokens", trust_opts, offsetof(struct app_settings, trust) },
                                             { "Every service", opts, 0 },
                                             { "Services among each other", peers_opts, AT(peers) },
                                             { s->opts ? s->name : NULL, s->opts, AT(own) },
                                             { 0 } };
    const struct settings_plan plan = { s->name, groups, sizeof(struct service_settings) + s->settings_size, settings_make, settings_done };
    service = s;
    if (argc == 2 && !strcmp(argv[1], "configuration")) return settings_document(&plan), EXIT_SUCCESS;
    if (argc == 2 && !strcmp(argv[1], "rotate-data-keys")) return rotate_data_keys(&plan);
    return serve(&plan);
}
