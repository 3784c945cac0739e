/* One worker of the gateway: the registry's routes over HTTPS, health and metrics on the admin port. */
#include "gateway.h"
#include "limiter.h"
#include "upstream_metrics.h"

#include "app/access.h"
#include "app/dispatch.h"
#include "app/listen.h"
#include "app/outgoing.h"
#include "app/system.h"
#include "auth/guard.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/client_name.h"
#include "http/reply.h"
#include "http/router.h"
#include "http/server.h"
#include "http/worker.h"
#include "io/redis.h"
#include "io/work.h"
#include "registry.h"

#include <stdlib.h>

static void on_request(struct req *r)
{
    const struct gateway_settings *s = settings_of(r->worker);
    const struct gateway *g = r->worker->extra;
    client_name(r, s->trusted);
    if (dispatch_route(r) && addresses_admit(r, &s->addresses, g->address_rules) && audit_admits(r, g->audit))
        guard_admit(r, limiter_admit);
    else reply_error(r);
}

static void on_admin(struct req *r)
{
    struct gateway *g = r->worker->extra;
    struct route_match m = router_find(g->admin_router, r->method, r->path);
    r->route = m.route;
    if (m.route) m.route->handler(r);
    else reply_fail(r, m.allowed ? E_METHOD_NOT_ALLOWED : E_NOT_FOUND);
}

static void on_replied(struct req *r)
{
    const struct gateway_settings *s = settings_of(r->worker);
    const struct gateway *g = r->worker->extra;
    access_log(r);
    audit_watch(r, g->audit, &s->watch);
}

static bool on_hold(struct req *r)
{
    const struct gateway *g = r->worker->extra;
    return audit_hold(r, g->audit);
}

/* Every public answer: the service's own headers win. */
static void on_reply(struct req *r)
{
    static const struct header security[] = {
        { STR("X-Content-Type-Options"), STR("nosniff") },
        { STR("Cache-Control"), STR("no-store") },
        { STR("Strict-Transport-Security"), STR("max-age=31536000") }, /* RFC 6797 7.2: over TLS only */
    };
    size_t count = sizeof security / sizeof *security - !r->tls;
    for (size_t i = 0; i < count; i++) {
        bool there = false;
        for (size_t h = 0; h < r->reply_header_count; h++) there |= str_ieq(r->reply_headers[h].name, security[i].name);
        if (!there) req_reply_header(r, security[i].name, security[i].value);
    }
}

static bool is_proxy(const struct worker *w, struct str peer)
{
    const struct gateway_settings *s = settings_of(w);
    struct ip ip;
    return ip_read(peer, &ip) && cidr_set_find(s->trusted, &ip, NULL);
}

bool gateway_listens_alone(const struct gateway_settings *s)
{
    const struct listen_place places[] = {
        { s->address, s->port }, { PLAIN_ADDRESS, s->plain_port }, { s->admin_address, s->admin_port } };
    return listen_start(&s->app.listen, places, sizeof places / sizeof *places);
}

/* HTTPS for everybody; without TLS, when asked for, only for this machine; health and metrics, of which one worker tells. */
static bool start_servers(struct worker *w, struct gateway *g)
{
    const struct gateway_settings *s = settings_of(w);
    struct server_config public = {
        .address = s->address, .port = s->port, .tls = s->server_tls, .window = LIMIT_WINDOW,
        .is_proxy = is_proxy, .body_max_of = dispatch_body_max, .on_request = on_request,
    };
    struct server_config plain = public, admin = { .address = s->admin_address, .port = s->admin_port, .on_request = on_admin };
    plain.address = PLAIN_ADDRESS;
    plain.port = s->plain_port;
    plain.tls = NULL;
    w->server = listen_open(w, public, true);
    if (s->plain_port) g->plain = listen_open(w, plain, true);
    if (w->index == 0) g->admin = listen_open(w, admin, false);
    return w->server && (g->plain || !s->plain_port) && (g->admin || w->index);
}

static void apply_upstream(struct worker *w, int service)
{
    const struct gateway_settings *s = settings_of(w);
    struct gateway *g = w->extra;
    struct str bad;
    if (!upstream_apply(&g->upstream[service], str_of(s->upstream[service]), &s->breaker, &s->budget, &bad))
        log_error("upstream is not a URL that can be used", LOG_STR("service", service_names[service]), LOG_STR("url", bad));
}

static void start_upstreams(struct worker *w, struct gateway *g)
{
    const struct gateway_settings *s = settings_of(w);
    for (int i = 0; i < SERVICE_COUNT; i++) {
        upstream_init(&g->upstream[i], w, &registry, &s->upstreams, &s->breaker, &s->budget);
        apply_upstream(w, i);
    }
    upstream_metrics_publish(w->index, g->upstream, clock_us());
}

bool gateway_worker_start(struct worker *w)
{
    struct gateway *g = calloc(1, sizeof *g);
    if (!g) abort();
    w->extra = g;
    const struct gateway_settings *s = settings_of(w);
    g->stale = stale_new();
    if (s->app.trust.redis_url) g->redis = redis_new(w->base, s->app.trust.redis_url);
    w->on_reply = on_reply;
    w->on_hold = on_hold;
    w->on_replied = on_replied;
    w->work = work_new(w->base);
    w->client = outgoing_client(w);
    g->audit = audit_new(w, &s->audit);
    w->router = router_new(&registry);
    g->admin_router = router_new(&system_routes);
    start_upstreams(w, g);
    g->address_rules = address_rules_new(w, s->addresses.rules_url);
    return trust_start(w) && start_servers(w, g);
}

void gateway_worker_drain(struct worker *w)
{
    struct gateway *g = w->extra;
    if (w->server) server_drain(w->server);
    if (g->plain) server_drain(g->plain);
    if (g->admin) server_drain(g->admin);
}

bool gateway_worker_is_busy(const struct worker *w)
{
    const struct gateway *g = w->extra;
    return server_is_busy(w->server) || (g->plain && server_is_busy(g->plain));
}

void gateway_worker_stop(struct worker *w)
{
    struct gateway *g = w->extra;
    server_free(w->server);
    server_free(g->plain);
    server_free(g->admin);
    trust_stop(w);
    address_rules_free(g->address_rules);
    audit_stop(g->audit);
    if (g->redis) redis_free(g->redis); /* what waits for it goes on without, to the client that is about to end */
    client_end(w->client);
    proxy_stop(g);
    work_free(w->work);
    audit_free(g->audit);
    for (int i = 0; i < SERVICE_COUNT; i++) upstream_done(&g->upstream[i]);
    client_free(w->client);
    router_free(w->router);
    router_free(g->admin_router);
    stale_free(g->stale);
    free(g);
}

bool gateway_worker_ready(const struct worker *w)
{
    const struct gateway *g = w->extra;
    return trust_is_ready(w) && (!g->address_rules || address_rules_are_known(g->address_rules));
}

/* What is under way goes on with what it has; all that points into the settings of before is given new ones here. */
void gateway_worker_reloaded(struct worker *w)
{
    struct gateway *g = w->extra;
    const struct gateway_settings *s = settings_of(w);
    server_set_tls(w->server, s->server_tls);
    outgoing_reloaded(w);
    listen_apply(w, w->server);
    if (g->plain) listen_apply(w, g->plain);
    if (g->admin) listen_apply(w, g->admin);
    for (int i = 0; i < SERVICE_COUNT; i++) apply_upstream(w, i);
}

void gateway_worker_tick(struct worker *w)
{
    struct gateway *g = w->extra;
    upstream_metrics_publish(w->index, g->upstream, clock_us());
}
