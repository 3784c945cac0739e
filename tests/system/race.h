/* race: requests that are sent at the same moment, each on a connection of its own. */
#ifndef SYSTEM_RACE_H
#define SYSTEM_RACE_H

#include "http.h"

#include <sys/types.h>

enum { RACERS = 12, RACERS_MAX = 64 };

/* Sends all requests at once; the replies, in the same order, live until the test ends. */
void race(const struct request requests[RACERS], struct reply *replies[RACERS]);
void race_of(const struct request *requests, struct reply **replies, int count); /* at most RACERS_MAX */

/* As race(), while another process ends `pid` some milliseconds later. */
void race_against_kill(const struct request requests[RACERS], struct reply *replies[RACERS], pid_t pid, long after_ms);

/* Sends q while a transaction that has run `statement` on the database is open, and commits that as soon as q waits for it, or has
 * been answered, which it should not. */
struct reply *race_behind(const char *database, const char *statement, const struct request *q);

#endif
