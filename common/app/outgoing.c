#include "app/outgoing.h"

#include "http/client.h"
#include "http/resolve.h"

struct outgoing outgoing;

#define AT(member) offsetof(struct outgoing, member)
const struct opt outgoing_opts[] = {
    { "DNS_SERVER", O_STR, AT(dns_server), NULL, 0, 1, 0,
      "name server for the names in URLs, address[:port]; default: those of /etc/resolv.conf" },
    { "UPSTREAM_CA_FILE", O_STR, AT(tls.ca_file), NULL, 0, 1, 0,
      "PEM, for https URLs: whose certificates are believed; default: https is refused" },
    { "UPSTREAM_CERT_FILE", O_STR, AT(tls.cert_file), NULL, 0, 1, 0, "certificate chain, PEM, for services that demand one" },
    { "UPSTREAM_KEY_FILE", O_STR, AT(tls.key_file), NULL, 0, 1, 0, "its private key, PEM" },
    { 0 },
};

const char *outgoing_load(void)
{
    const struct tls_files *f = &outgoing.tls;
    if (outgoing.dns_server && !resolver_server_is_valid(outgoing.dns_server)) return "DNS_SERVER is not an address";
    return f->ca_file || f->cert_file || f->key_file ? tls_load(TLS_CLIENT, f) : NULL;
}

struct client *outgoing_client(struct event_base *base)
{
    struct client *c = client_new(base);
    if (outgoing.dns_server) resolver_set_server(client_resolver(c), outgoing.dns_server);
    return c;
}
