#include "gateway.h"

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
    { "TLS_CERT_FILE", O_STR, AT(cert_file), NULL, O_REQUIRED, 1, 0, "certificate chain, PEM" },
    { "TLS_KEY_FILE", O_STR, AT(key_file), NULL, O_REQUIRED, 1, 0, "its private key, PEM" },
    { "JWKS_URL", O_STR, AT(jwks_url), NULL, O_REQUIRED, 1, 0, "where auth-service publishes its public keys" },
    { "UPSTREAM_AUTH_SERVICE", O_STR, AT(upstream[SERVICE_AUTH]), NULL, O_REQUIRED, 1, 0,
      "base URL of auth-service; several, comma-separated, for several replicas" },
    { "UPSTREAM_CUSTOMER_SERVICE", O_STR, AT(upstream[SERVICE_CUSTOMER]), NULL, O_REQUIRED, 1, 0,
      "base URLs of customer-service" },
    { "TRUSTED_PROXIES", O_STR, AT(trusted_proxies), "", 0, 0, 0,
      "addresses and prefixes (CIDR), comma-separated, of proxies whose X-Forwarded-For is believed" },
    { 0 },
};
