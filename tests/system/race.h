/* race: requests that are sent at the same moment, each on a connection of its own. */
#ifndef SYSTEM_RACE_H
#define SYSTEM_RACE_H

#include "http.h"

enum { RACERS = 12 };

/* Sends all requests at once; the replies, in the same order, live until the test ends. */
void race(const struct request requests[RACERS], struct reply *replies[RACERS]);

#endif
