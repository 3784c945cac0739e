/* upstream: a service as one worker of the gateway sees it: its addresses, its budget of retries, a breaker per route. */
#ifndef GATEWAY_UPSTREAM_H
#define GATEWAY_UPSTREAM_H

#include "balance.h"
#include "breaker.h"
#include "budget.h"

#include "http/client.h"
#include "http/route.h"

struct upstream {
    struct balance *balance; /* host->extra: struct origin, of the client */
    struct budget budget;
    struct breaker *breakers; /* by row of `routes` */
    const struct route_table *routes;
    uint64_t random;          /* state of upstream_random() */
};

/* `urls`: base URLs, comma-separated. False: `ret_bad` is not an http URL; upstream_done() is due all the same. */
bool upstream_init(struct upstream *u, struct client *client, const struct route_table *routes, struct str urls, struct str *ret_bad);
void upstream_done(struct upstream *u);

struct breaker *upstream_breaker(const struct upstream *u, const struct route *route);
uint64_t upstream_random(struct upstream *u); /* 64 random bits: for choices, not for secrets */

#endif
