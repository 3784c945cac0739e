#include "app/outgoing.h"

#include "app/settings.h"
#include "http/client.h"
#include "http/resolve.h"
#include "http/worker.h"

#define AT(member) offsetof(struct outgoing, member)
const struct opt outgoing_opts[] = {
    { "DNS_SERVER", O_STR, AT(dns_server), NULL, 0, 1, 0,
      "name server for the names in URLs, address[:port]; default: those of /etc/resolv.conf" },
    { 0 },
};

bool outgoing_check(const struct outgoing *o, struct buf *faults)
{
    if (!o->dns_server || resolver_server_is_valid(o->dns_server)) return true;
    buf_addz(faults, "DNS_SERVER is not an address\n");
    return false;
}

struct client *outgoing_client(const struct worker *w)
{
    const struct app_settings *s = settings_of(w);
    struct client *c = client_new(w->base);
    if (s->outgoing.dns_server) resolver_set_server(client_resolver(c), s->outgoing.dns_server);
    return c;
}
