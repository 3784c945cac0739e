#include "app/outgoing.h"

#include "http/client.h"
#include "http/resolve.h"

struct outgoing outgoing;

#define AT(member) offsetof(struct outgoing, member)
const struct opt outgoing_opts[] = {
    { "DNS_SERVER", O_STR, AT(dns_server), NULL, 0, 1, 0,
      "name server for the names in URLs, address[:port]; default: those of /etc/resolv.conf" },
    { 0 },
};

const char *outgoing_load(void)
{
    bool is_good = !outgoing.dns_server || resolver_server_is_valid(outgoing.dns_server);
    return is_good ? NULL : "DNS_SERVER is not an address";
}

struct client *outgoing_client(struct event_base *base)
{
    struct client *c = client_new(base);
    if (outgoing.dns_server) resolver_set_server(client_resolver(c), outgoing.dns_server);
    return c;
}
