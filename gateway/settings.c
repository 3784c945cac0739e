#include "gateway.h"

#include "app/app.h"

struct gateway_settings gateway_settings;

#define AT(member) offsetof(struct gateway_settings, member)
const struct opt gateway_opts[] = {
    { "HTTPS_ADDRESS", O_STR, AT(address), "127.0.0.1", 0, 1, 0, "address to listen on" },
    { "HTTPS_PORT", O_INT, AT(port), "8443", 0, 1, 65535, "port to listen on" },
    { "PLAIN_PORT", O_INT, AT(plain_port), "0", 0, 0, 65535,
      "port for the same without TLS, on 127.0.0.1 only, for what ends TLS on this machine; 0: none" },
    { "ADMIN_ADDRESS", O_STR, AT(admin_address), "127.0.0.1", 0, 1, 0,
      "address for /healthz, /readyz and /metrics, without TLS" },
    { "ADMIN_PORT", O_INT, AT(admin_port), "9100", 0, 1, 65535, "port for them" },
    { "TLS_CERT_FILE", O_STR, AT(tls.cert_file), NULL, O_REQUIRED, 1, 0, "certificate chain, PEM" },
    { "TLS_KEY_FILE", O_STR, AT(tls.key_file), NULL, O_REQUIRED, 1, 0, "its private key, PEM" },
    { "JWKS_URL", O_STR, AT(jwks_url), NULL, O_REQUIRED, 1, 0, "where auth-service publishes its public keys" },
    { "UPSTREAM_AUTH_SERVICE", O_STR, AT(upstream[SERVICE_AUTH]), NULL, O_REQUIRED, 1, 0,
      "base URLs of auth-service, comma-separated; every address of a name is a replica" },
    { "UPSTREAM_CUSTOMER_SERVICE", O_STR, AT(upstream[SERVICE_CUSTOMER]), NULL, O_REQUIRED, 1, 0,
      "base URLs of customer-service" },
    { "UPSTREAM_RESOLVE_MS", O_INT, AT(upstreams.resolve_ms), "5000", 0, 10, 3600000,
      "how often the names in those URLs are resolved anew, in milliseconds" },
    { "UPSTREAM_CHECK_MS", O_INT, AT(upstreams.check_ms), "2000", 0, 0, 600000,
      "how often each of their addresses is asked for /readyz, in milliseconds; 0: never" },
    { "UPSTREAM_CHECK_TIMEOUT_MS", O_INT, AT(upstreams.check_timeout_ms), "1000", 0, 1, 60000,
      "how long it has for the answer, in milliseconds" },
    { "TRUSTED_PROXIES", O_STR, AT(trusted_proxies), "", 0, 0, 0,
      "addresses and prefixes (CIDR), comma-separated, of proxies whose X-Forwarded-For is believed" },
    { "STALE_MAX_MS", O_INT, AT(stale_max_ms), "3600000", 0, 0, 604800000,
      "how old an answer may be that stands in for a service that does not answer (routes with \"degraded\"), in milliseconds" },
    { "LOG_LEVEL", O_STR, AT(log_level), "info", 0, 1, 0, "debug, info, warn or error" },
    { "ACCESS_LOG", O_BOOL, AT(access_log), "1", 0, 0, 0, "one line per request: 1 or 0" },
    { "WORKERS", O_INT, AT(workers), NULL, 0, 1, WORKERS_MAX, "threads, 1 to 32; default: one per CPU" },
    { "DRAIN_DELAY_MS", O_INT, AT(drain_delay_ms), "0", 0, 0, 600000,
      "from SIGTERM, when /readyz begins to fail, until new connections are refused, in milliseconds" },
    { "DRAIN_MS", O_INT, AT(drain_ms), "10000", 0, 0, 600000,
      "time for requests under way at SIGTERM, in milliseconds" },
    { 0 },
};
