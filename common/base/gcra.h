/* gcra: a rate limit as one number (generic cell rate algorithm, ITU-T I.371): the time at which all that was taken is paid back.
 *
 * `capacity` may be taken at once; one comes back every `interval_us`. Nothing is counted and no window begins or ends, so there is no
 * moment at which twice the limit passes. Plain data; time is the caller's. */
#ifndef BASE_GCRA_H
#define BASE_GCRA_H

#include "base/str.h"

struct rate {
    uint32_t capacity;    /* 0: no limit */
    uint64_t interval_us; /* at least 1 */
};

enum { RATE_CAPACITY_MAX = 1000000 };

/* "600/min"; per s, min or h. Empty or "none": no limit. False: something else. */
bool rate_read(struct str text, struct rate *ret);

/* A share of it for one of `parts`: at least one at a time. */
struct rate rate_share(struct rate whole, uint32_t parts);

uint64_t rate_period_us(struct rate r); /* in which all of an empty capacity comes back */

/* How many can be taken now. `paid_us` is 0 at first. */
uint32_t gcra_room(struct rate r, uint64_t paid_us, uint64_t now_us);
void gcra_take(struct rate r, uint64_t *paid_us, uint64_t now_us, uint32_t count); /* beyond the room too: then at most all of it */
uint64_t gcra_wait_us(struct rate r, uint64_t paid_us, uint64_t now_us);           /* until there is room for one; 0: there is */

#endif
