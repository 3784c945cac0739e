/* health: asks every host of a service again and again whether it is ready: GET /readyz, on a connection of its pool. 2xx is good, all
 * else is not; the balance puts the host down or up after a few of the same. One per worker and service.
 *
 * A service that is told to end says so here first: it gets no new requests by the time it closes its port. */
#ifndef GATEWAY_HEALTH_H
#define GATEWAY_HEALTH_H

#include "balance.h"

struct health;
struct worker;

struct health *health_new(const struct worker *w, struct balance *b, int every_ms, int timeout_ms);
void health_free(struct health *h); /* after client_end() */

#endif
