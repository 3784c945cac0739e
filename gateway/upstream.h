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

/* Without addresses until the first upstream_apply(). */
void upstream_init(struct upstream *u, const struct route_table *routes, const struct breaker_settings *breaker,
                   const struct budget_settings *budget);

/* From now on, until the next time; the settings must live so long. `urls`: good base URLs, comma-separated; those that stay keep
 * what is known of them. */
void upstream_apply(struct upstream *u, struct client *client, struct str urls, const struct breaker_settings *breaker,
                    const struct budget_settings *budget);
void upstream_done(struct upstream *u);

struct breaker *upstream_breaker(const struct upstream *u, const struct route *route);
uint64_t upstream_random(struct upstream *u); /* 64 random bits: for choices, not for secrets */

#endif
