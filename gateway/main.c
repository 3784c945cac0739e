/* gateway: the one door for API consumers (requirement document, section 2.3): HTTPS, token and permission per route,
 * routing by the registry made from proto-json-schemas, one log line per request. What is not registered does not
 * exist. */
#include "gateway.h"

#include "app/access.h"
#include "app/app.h"
#include "app/dispatch.h"
#include "app/start.h"
#include "app/system.h"
#include "auth/guard.h"
#include "auth/keys.h"
#include "auth/token.h"
#include "http/forwarded.h"
#include "http/reply.h"
#include "http/router.h"
#include "http/server.h"
#include "registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct gateway_settings gateway_settings;
struct cidr_set *gateway_trusted;
static void *tls;

#define AT(member) offsetof(struct gateway_settings, member)
const struct opt gateway_opts[] = {
    { "HTTPS_ADDRESS", O_STR, AT(address), "127.0.0.1", 0, 1, 0, "address to listen on" },
    { "HTTPS_PORT", O_INT, AT(port), "8443", 0, 1, 65535, "port to listen on" },
    { "ADMIN_ADDRESS", O_STR, AT(admin_address), "127.0.0.1", 0, 1, 0,
      "address for /healthz, /readyz and /metrics, without TLS" },
    { "ADMIN_PORT", O_INT, AT(admin_port), "9100", 0, 1, 65535, "port for them" },
    { "TLS_CERT_FILE", O_STR, AT(cert_file), NULL, O_REQUIRED, 1, 0, "certificate chain, PEM" },
    { "TLS_KEY_FILE", O_STR, AT(key_file), NULL, O_REQUIRED, 1, 0, "its private key, PEM" },
    { "JWKS_URL", O_STR, AT(jwks_url), NULL, O_REQUIRED, 1, 0, "where auth-service publishes its public keys" },
    { "UPSTREAM_AUTH_SERVICE", O_STR, AT(upstream[SERVICE_AUTH]), NULL, O_REQUIRED, 1, 0,
      "base URL of auth-service; several, comma-separated, for several replicas" },
    { "UPSTREAM_CUSTOMER_SERVICE", O_STR, AT(upstream[SERVICE_CUSTOMER]), NULL, O_REQUIRED, 1, 0,
      "base URLs of customer-service" },
    { "TRUSTED_PROXIES", O_STR, AT(trusted_proxies), "", 0, 0, 0,
      "addresses and prefixes (CIDR), comma-separated, of proxies whose X-Forwarded-For is believed" },
    { "LOG_LEVEL", O_STR, AT(log_level), "info", 0, 1, 0, "debug, info, warn or error" },
    { "ACCESS_LOG", O_BOOL, AT(access_log), "1", 0, 0, 0, "one line per request: 1 or 0" },
    { "WORKERS", O_INT, AT(workers), NULL, 0, 1, WORKERS_MAX, "threads, 1 to 32; default: one per CPU" },
    { "DRAIN_MS", O_INT, AT(drain_ms), "10000", 0, 0, 600000,
      "time for requests under way at SIGTERM, in milliseconds" },
    { 0 },
};

/* Behind trusted proxies the client is who they say it is. */
static void name_client(struct req *r)
{
    struct str values[FORWARDED_HOPS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < r->header_count; i++) {
        if (!str_ieq(r->headers[i].name, STR("X-Forwarded-For"))) continue;
        if (count == FORWARDED_HOPS_MAX) return;
        values[count++] = r->headers[i].value;
    }
    if (!count) return;
    struct forwarded client = forwarded_client(gateway_trusted, r->peer, values, count);
    if (client.hops) r->peer = arena_dup(&r->arena, str_of(client.text));
}

static void on_request(struct req *r)
{
    if (cidr_set_count(gateway_trusted)) name_client(r);
    if (dispatch_route(r) && guard_admit(r)) proxy(r);
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

/* Every answer: the service's own headers win. */
static void on_reply(struct req *r)
{
    static const struct header security[] = {
        { STR("Strict-Transport-Security"), STR("max-age=31536000") },
        { STR("X-Content-Type-Options"), STR("nosniff") },
        { STR("Cache-Control"), STR("no-store") },
    };
    for (size_t i = 0; r->tls && i < sizeof security / sizeof *security; i++) {
        bool there = false;
        for (size_t h = 0; h < r->reply_header_count; h++) there |= str_ieq(r->reply_headers[h].name, security[i].name);
        if (!there) req_reply_header(r, security[i].name, security[i].value);
    }
    access_log(r);
}

static bool start_server(struct server **server, struct worker *w, struct server_config config)
{
    config.body_max = LIMIT_BODY;
    config.worker = w;
    config.on_refused = dispatch_refused;
    *server = server_new(w->base, &config);
    if (!*server)
        log_error("cannot listen", LOG_Z("address", config.address), LOG_INT("port", config.port),
                  LOG_Z("error", strerror(errno)));
    return *server != NULL;
}

static bool start_upstreams(struct worker *w, struct gateway *g)
{
    bool ok = true;
    for (int i = 0; i < SERVICE_COUNT; i++) {
        struct str bad;
        if (upstream_init(&g->upstream[i], w->client, &registry, str_of(gateway_settings.upstream[i]), &bad)) continue;
        log_error("upstream is not an http URL", LOG_STR("service", service_names[i]), LOG_STR("url", bad));
        ok = false;
    }
    return ok;
}

static bool worker_start(struct worker *w)
{
    const struct gateway_settings *s = &gateway_settings;
    struct gateway *g = calloc(1, sizeof *g);
    if (!g) abort();
    w->extra = g;
    w->on_reply = on_reply;
    w->tokens = tokens_new();
    w->client = client_new(w->base);
    w->router = router_new(&registry);
    g->admin_router = router_new(&system_routes);
    w->keys = keys_new(w, s->jwks_url);
    if (!w->keys) log_error("JWKS_URL is not an http URL with a path", LOG_Z("url", s->jwks_url));
    struct server_config public = { .address = s->address, .port = s->port, .tls = tls, .on_request = on_request };
    struct server_config admin = { .address = s->admin_address, .port = s->admin_port, .on_request = on_admin };
    bool ok = w->keys && start_upstreams(w, g) && start_server(&w->server, w, public);
    return ok && (w->index != 0 || start_server(&g->admin, w, admin));
}

static void worker_drain(struct worker *w)
{
    struct gateway *g = w->extra;
    if (w->server) server_drain(w->server);
    if (g->admin) server_drain(g->admin);
}

static bool worker_is_busy(const struct worker *w)
{
    return server_connections(w->server) > 0;
}

static void worker_stop(struct worker *w)
{
    struct gateway *g = w->extra;
    if (w->server) server_free(w->server);
    if (g->admin) server_free(g->admin);
    if (w->keys) keys_free(w->keys);
    client_free(w->client);
    proxy_stop(g);
    for (int i = 0; i < SERVICE_COUNT; i++) upstream_done(&g->upstream[i]);
    router_free(w->router);
    router_free(g->admin_router);
    tokens_free(w->tokens);
    free(g);
}

static bool worker_ready(const struct worker *w)
{
    return tokens_have_keys(w->tokens);
}

int main(int argc, char **argv)
{
    const struct start_group groups[] = { { "gateway", gateway_opts, &gateway_settings }, { 0 } };
    if (argc == 2 && !strcmp(argv[1], "configuration")) return start_document(groups), EXIT_SUCCESS;
    gateway_settings.workers = start_workers();
    start_load("gateway", groups);
    log_init("gateway", start_log_level(gateway_settings.log_level));
    start_log(groups);
    const char *fault;
    struct str bad;
    gateway_trusted = cidr_set_new();
    fault = cidr_set_add_list(gateway_trusted, str_of(gateway_settings.trusted_proxies), 1, &bad);
    if (fault) return fprintf(stderr, "gateway: cannot start: TRUSTED_PROXIES: %.*s: %s\n", STR_ARG(bad), fault), EXIT_FAILURE;
    tls = tls_server(gateway_settings.cert_file, gateway_settings.key_file, &fault);
    if (!tls) return fprintf(stderr, "gateway: cannot start: %s\n", fault), EXIT_FAILURE;
    static struct app app;
    app = (struct app){
        .name = "gateway",
        .worker_count = gateway_settings.workers,
        .drain_ms = gateway_settings.drain_ms,
        .access_log = gateway_settings.access_log,
        .routes = registry,
        .start = worker_start,
        .drain = worker_drain,
        .is_busy = worker_is_busy,
        .stop = worker_stop,
        .ready = worker_ready,
    };
    int status = app_run(&app);
    tls_free(tls);
    cidr_set_free(gateway_trusted);
    return status;
}
