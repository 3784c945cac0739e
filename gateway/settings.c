#include "gateway.h"

#define AT(member) offsetof(struct gateway_settings, member)
static const struct opt opts[] = {
    { "HTTPS_ADDRESS", O_STR, AT(address), "127.0.0.1", 0, 1, 0, "address to listen on" },
    { "HTTPS_PORT", O_INT, AT(port), "8443", 0, 1, 65535, "port to listen on" },
    { "PLAIN_PORT", O_INT, AT(plain_port), "0", 0, 0, 65535,
      "port for the same without TLS, on " PLAIN_ADDRESS " only, for what ends TLS on this machine; 0: none" },
    { "ADMIN_ADDRESS", O_STR, AT(admin_address), "127.0.0.1", 0, 1, 0,
      "address for /healthz, /readyz and /metrics, without TLS" },
    { "ADMIN_PORT", O_INT, AT(admin_port), "9100", 0, 1, 65535, "port for them" },
    { "TLS_CERT_FILE", O_STR, AT(tls.cert_file), NULL, O_REQUIRED | O_LIVE, 1, 0, "certificate chain, PEM" },
    { "TLS_KEY_FILE", O_STR, AT(tls.key_file), NULL, O_REQUIRED | O_LIVE, 1, 0, "its private key, PEM" },
    { "UPSTREAM_AUTH_SERVICE", O_STR, AT(upstream[SERVICE_AUTH]), NULL, O_REQUIRED | O_LIVE, 1, 0,
      "base URLs of auth-service, comma-separated; every address of a name is a replica" },
    { "UPSTREAM_CUSTOMER_SERVICE", O_STR, AT(upstream[SERVICE_CUSTOMER]), NULL, O_REQUIRED | O_LIVE, 1, 0,
      "base URLs of customer-service" },
    { "UPSTREAM_OPPORTUNITY_SERVICE", O_STR, AT(upstream[SERVICE_OPPORTUNITY]), NULL, O_REQUIRED | O_LIVE, 1, 0,
      "base URLs of opportunity-service" },
    { "UPSTREAM_ORDER_SERVICE", O_STR, AT(upstream[SERVICE_ORDER]), NULL, O_REQUIRED | O_LIVE, 1, 0, "base URLs of order-service" },
    { "UPSTREAM_RESOLVE_MS", O_INT, AT(upstreams.resolve_ms), "5000", 0, 10, 3600000,
      "how often the names in those URLs are resolved anew, in milliseconds" },
    { "UPSTREAM_CHECK_MS", O_INT, AT(upstreams.check_ms), "2000", 0, 0, 600000,
      "how often each of their addresses is asked for /readyz, in milliseconds; 0: never" },
    { "UPSTREAM_CHECK_TIMEOUT_MS", O_INT, AT(upstreams.check_timeout_ms), "1000", 0, 1, 60000,
      "how long it has for the answer, in milliseconds" },
    { "TRUSTED_PROXIES", O_STR, AT(trusted_proxies), "", O_LIVE, 0, 0,
      "addresses and prefixes (CIDR), comma-separated, of proxies whose X-Forwarded-For is believed" },
    { "STALE_MAX_MS", O_INT, AT(stale_max_ms), "3600000", O_LIVE, 0, 604800000,
      "how old an answer may be that stands in for a service that does not answer (routes with \"degraded\"), in milliseconds" },
    { 0 },
};

/* Kept apart for each service and operation: breaker.h. */
static const struct opt breaker_opts[] = {
    { "BREAKER_WINDOW_MS", O_INT, AT(breaker.window_ms), "10000", O_LIVE, 100, 600000, "time that it looks back, in milliseconds" },
    { "BREAKER_MIN_REQUESTS", O_INT, AT(breaker.minimum), "20", O_LIVE, 1, 1000000,
      "requests in that time before their outcome means anything" },
    { "BREAKER_ERROR_PERCENT", O_INT, AT(breaker.error_percent), "50", O_LIVE, 0, 100,
      "failed requests that open it, in percent; 0: never" },
    { "BREAKER_SLOW_PERCENT", O_INT, AT(breaker.slow_percent), "80", O_LIVE, 0, 100,
      "slow requests that open it, in percent; 0: never" },
    { "BREAKER_SLOW_MS", O_INT, AT(breaker.slow_ms), "3000", O_LIVE, 1, 600000, "longer than this is slow, in milliseconds" },
    { "BREAKER_OPEN_MS", O_INT, AT(breaker.open_ms), "1000", O_LIVE, 1, 600000,
      "how long it stays open, in milliseconds; doubles each time in a row" },
    { "BREAKER_OPEN_MAX_MS", O_INT, AT(breaker.open_max_ms), "30000", O_LIVE, 1, 600000, "but no longer than this, in milliseconds" },
    { "BREAKER_PROBES", O_INT, AT(breaker.probes), "3", O_LIVE, 1, BREAKER_PROBES_MAX,
      "requests tried at once when it is half open, 1 to 8: so many successes close it" },
    { "BREAKER_PROBE_MS", O_INT, AT(breaker.probe_ms), "10000", O_LIVE, 1, 600000,
      "a probe without an outcome for so long is forgiven, in milliseconds" },
    { 0 },
};

static const struct opt retry_opts[] = {
    { "RETRIES_MAX", O_INT, AT(retries_max), "2", O_LIVE, 0, 10, "times that a request is sent once more; 0: never" },
    { "RETRY_BACKOFF_MS", O_INT, AT(backoff_ms), "20", O_LIVE, 0, 60000,
      "longest wait before the first retry, in milliseconds; doubles with each" },
    { "RETRY_BACKOFF_MAX_MS", O_INT, AT(backoff_max_ms), "500", O_LIVE, 0, 60000, "but no longer than this, in milliseconds" },
    { "RETRY_BUDGET_WINDOW_MS", O_INT, AT(budget.window_ms), "10000", O_LIVE, 100, 600000, "time that it looks back, in milliseconds" },
    { "RETRY_BUDGET_PERCENT", O_INT, AT(budget.percent), "20", O_LIVE, 0, 100, "retries per service, in percent of its requests" },
    { "RETRY_BUDGET_PER_SECOND", O_INT, AT(budget.per_second), "1", O_LIVE, 0, 1000, "retries a second beside those" },
    { 0 },
};

static bool make_trusted(struct gateway_settings *s, struct buf *faults)
{
    struct str bad;
    s->trusted = cidr_set_new();
    const char *fault = cidr_set_add_list(s->trusted, str_of(s->trusted_proxies), 1, &bad);
    if (fault) buf_addf(faults, "TRUSTED_PROXIES: %.*s: %s\n", STR_ARG(bad), fault);
    return !fault;
}

static bool make_tls(struct gateway_settings *s, struct buf *faults)
{
    const char *fault;
    s->server_tls = tls_new(TLS_SERVER, &s->tls, &fault);
    if (fault) buf_addf(faults, "%s\n", fault);
    return !fault;
}

static bool check_upstream(const struct gateway_settings *s, int service, struct buf *faults)
{
    struct str name = service_names[service], urls = str_of(s->upstream[service]);
    bool ok = true;
    int count = 0;
    for (; !str_is_none(urls); count++) {
        struct str url = str_trim(str_cut(&urls, ','));
        if (outgoing_url_is_good(&s->app.outgoing, url)) continue;
        buf_addf(faults, "upstream of %.*s is not a URL that can be used: %.*s\n", STR_ARG(name), STR_ARG(url));
        ok = false;
    }
    if (count <= BALANCE_HOSTS_MAX) return ok;
    buf_addf(faults, "upstream of %.*s: more than %d addresses\n", STR_ARG(name), BALANCE_HOSTS_MAX);
    return false;
}

static bool make(void *settings, struct buf *faults)
{
    struct gateway_settings *s = settings;
    bool ok = outgoing_make(&s->app.outgoing, faults);
    ok = trust_make(&s->app.trust, &s->app.outgoing, faults) && ok;
    for (int i = 0; i < SERVICE_COUNT; i++) ok = check_upstream(s, i, faults) && ok;
    ok = make_trusted(s, faults) && ok;
    ok = rates_make(&s->rates, faults) && ok;
    ok = audit_check(&s->audit, &s->app.outgoing, faults) && ok;
    ok = addresses_make(&s->addresses, &s->app.outgoing, faults) && ok;
    return make_tls(s, faults) && ok;
}

static void done(void *settings)
{
    struct gateway_settings *s = settings;
    cidr_set_free(s->trusted);
    addresses_done(&s->addresses);
    tls_free(s->server_tls);
    trust_done(&s->app.trust);
    outgoing_done(&s->app.outgoing);
}

static const struct settings_group groups[] = {
    { "Every process", app_opts, 0 },
    { "Limits of every process", listen_opts, offsetof(struct app_settings, listen) },
    { "Requests to services", outgoing_opts, offsetof(struct app_settings, outgoing) },
    { "Tokens", trust_opts, offsetof(struct app_settings, trust) },
    { "gateway", opts, 0 },
    { "gateway: breakers", breaker_opts, 0 },
    { "gateway: retries", retry_opts, 0 },
    { "gateway: addresses", addresses_opts, offsetof(struct gateway_settings, addresses) },
    { "gateway: audit", audit_opts, offsetof(struct gateway_settings, audit) },
    { "gateway: what is not usual", watch_opts, offsetof(struct gateway_settings, watch) },
    { "gateway: rate limits", rates_opts, offsetof(struct gateway_settings, rates) },
    { 0 },
};
const struct settings_plan gateway_plan = { "gateway", groups, sizeof(struct gateway_settings), make, done };
