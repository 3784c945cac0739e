/* forwarded: who the client is, behind proxies that say so in X-Forwarded-For.
 *
 * Every proxy appends the address it was reached from, so the list is believed from the right, as long as the one who wrote
 * it is trusted: the TCP peer vouches for the last entry, that one, if trusted, for the entry before it. What is malformed
 * ends the walk at the last good address. Of an untrusted peer the list says nothing. Pure: text in, address out. */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include "base/cidr.h"

enum { FORWARDED_HOPS_MAX = 16 }; /* entries read at most */

struct forwarded {
    struct ip ip;            /* of the client; none when the peer itself is no IP address */
    char text[IP_LEN + 1];   /* the same, one spelling for one address */
    int hops;                /* entries of the list that were believed */
};

/* `peer`: text, a zone ("%eth0") is ignored. `values`: the lines of the field in the order of the head. An entry is an
 * address, which some proxies write with a port: "192.0.2.1:4711", "[2001:db8::1]", "[2001:db8::1]:4711". */
struct forwarded forwarded_client(const struct cidr_set *trusted, struct str peer, const struct str *values, size_t count);

#endif
