/* fleet: replicas of customer-service behind a gateway of the test: asks through it and counts who has answered. */
#ifndef SYSTEM_FLEET_H
#define SYSTEM_FLEET_H

#include "http.h"
#include "replica.h"

/* A list of customers through the gateway, on a connection of its own. */
struct reply *fleet_ask(const struct replica *gateway);
void fleet_asks_well(const struct replica *gateway, int times); /* each is answered with 200 */

int fleet_served(const struct replica *service);  /* lists that it has answered with 200 */

/* Asks until it is so, each time with 200; the test ends when it does not come to pass. */
void fleet_asks_until_served(const struct replica *gateway, const struct replica *service);
void fleet_asks_until_well(const struct replica *gateway);            /* whatever the answers are until then */

bool fleet_log_has(const char *part); /* a line of the replicas' log, now or a few seconds later */

#endif
