#include "app/outgoing.h"

#include "app/settings.h"
#include "http/base_url.h"
#include "http/client.h"
#include "http/worker.h"

#define AT(member) offsetof(struct outgoing, member)
const struct opt outgoing_opts[] = {
    { "DNS_SERVER", O_STR, AT(dns_server), NULL, 0, 1, 0,
      "name server for the names in URLs, address[:port]; default: those of /etc/resolv.conf" },
    { "UPSTREAM_CA_FILE", O_STR, AT(tls.ca_file), NULL, O_LIVE, 1, 0,
      "PEM, for https URLs: whose certificates are believed; default: https is refused" },
    { "UPSTREAM_CERT_FILE", O_STR, AT(tls.cert_file), NULL, O_LIVE, 1, 0, "certificate chain, PEM, for services that demand one" },
    { "UPSTREAM_KEY_FILE", O_STR, AT(tls.key_file), NULL, O_LIVE, 1, 0, "its private key, PEM" },
    { 0 },
};

bool outgoing_make(struct outgoing *o, struct buf *faults)
{
    const char *fault = NULL;
    bool ok = !o->dns_server || resolver_server_is_valid(o->dns_server);
    if (!ok) buf_addz(faults, "DNS_SERVER is not an address\n");
    if (tls_is_wanted(&o->tls)) o->client_tls = tls_new(TLS_CLIENT, &o->tls, &fault);
    if (fault) buf_addf(faults, "%s\n", fault);
    return ok && !fault;
}

void outgoing_done(struct outgoing *o)
{
    tls_free(o->client_tls);
}

bool outgoing_url_is_good(const struct outgoing *o, struct str url)
{
    struct base_url where;
    return base_url_read(&where, url) && (!where.is_tls || o->client_tls);
}

bool outgoing_check_url(const struct outgoing *o, const char *name, const char *url, struct buf *faults)
{
    const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    if (path && outgoing_url_is_good(o, (struct str){ url, (size_t)(path - url) })) return true;
    buf_addf(faults, "%s is not a URL with a path that can be used\n", name);
    return false;
}

struct client *outgoing_client(const struct worker *w)
{
    const struct outgoing *o = &((const struct app_settings *)settings_of(w))->outgoing;
    struct client *c = client_new(w->base);
    if (o->dns_server) resolver_set_server(client_resolver(c), o->dns_server);
    client_set_tls(c, o->client_tls);
    return c;
}

void outgoing_reloaded(const struct worker *w)
{
    client_set_tls(w->client, ((const struct app_settings *)settings_of(w))->outgoing.client_tls);
}
