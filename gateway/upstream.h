/* upstream: a service as one worker of the gateway sees it: its addresses, its budget of retries, a breaker per route. */
#ifndef GATEWAY_UPSTREAM_H
#define GATEWAY_UPSTREAM_H

#include "balance.h"
#include "base/breaker.h"
#include "budget.h"

#include "http/client.h"
#include "http/route.h"

struct health;
struct roster;
struct worker;

struct upstream_settings {
    int resolve_ms;                 /* how often names are asked for again */
    int check_ms, check_timeout_ms; /* health checks; check_ms 0: none */
};

struct upstream {
    struct client *client;
    struct roster *roster;
    struct balance *balance;          /* host->extra: struct backend */
    struct balance_settings settings; /* of `balance` */
    struct health *health;            /* NULL: no checks */
    struct budget budget;
    struct breaker *breakers; /* by row of `routes` */
    const struct route_table *routes;
    uint64_t random;          /* state of upstream_random() */
    uint64_t degraded;        /* answers that stood in for its own, for metrics */
};

void upstream_init(struct upstream *u, const struct worker *w, const struct route_table *routes, const struct upstream_settings *settings,
                   const struct breaker_settings *breaker, const struct budget_settings *budget);
void upstream_done(struct upstream *u); /* after client_end(), before client_free() */

/* Its addresses from now on: base URLs, comma-separated, of numbers or names. Those that stay keep their state. False: the client
 * does not take `ret_bad`, and they are the old ones. The settings must live until the next time. */
bool upstream_apply(struct upstream *u, struct str urls, const struct breaker_settings *breaker, const struct budget_settings *budget,
                    struct str *ret_bad);

bool upstream_is_known(const struct upstream *u); /* there is an address: balance_choose() finds one */
struct breaker *upstream_breaker(const struct upstream *u, const struct route *route);
uint64_t upstream_random(struct upstream *u); /* 64 random bits: for choices, not for secrets */

#endif
