/* leases: what this process may let through without asking Redis again.
 *
 * Redis is the one that counts, for all gateways together. A key that is asked for often is granted some requests ahead - a lease, at most
 * a twentieth of its limit, for a second, the next one before it is used up - and a key that was refused is refused here until Redis would
 * grant again: neither costs a round trip for each request. Besides, every request that passes is counted here too: when Redis is away,
 * the limit goes on locally, as a share of it, from where it was.
 *
 * One table for the process, as a client's requests come to any of its workers; of a fixed size: of the keys that fall into one set of
 * it the longest unused goes first. Any thread; a lock for well under a microsecond. */
#ifndef GATEWAY_LEASES_H
#define GATEWAY_LEASES_H

#include "rates.h"

/* Of one window. */
struct rate_standing {
    uint32_t remaining;
    uint64_t reset_us; /* until all of the limit is there again */
    uint64_t wait_us;  /* until one more passes; 0: nothing is known against it */
};

/* One request, which takes one of each of its windows, or none of any. */
struct rate_check {
    struct rate_window windows[RATE_WINDOWS];
    size_t count;
    uint32_t replicas;                             /* that share the limits while Redis is away */
    uint64_t now_us;                               /* monotonic */
    uint32_t want[RATE_WINDOWS];                   /* of Redis, all at once; 0: none of this window */
    struct rate_standing standing[RATE_WINDOWS];   /* after the request; not when Redis is asked first */
};

enum lease_verdict { LEASE_PASSES, LEASE_REFUSED, LEASE_ASK /* Redis, for `want` */ };

void leases_start(void);
void leases_stop(void);

enum lease_verdict leases_take(struct rate_check *c);

/* After LEASE_PASSES of leases_take(): true when a lease runs low and Redis should be asked for `want` meanwhile. */
bool leases_run_low(const struct rate_check *c);

/* What Redis says of one window: how many it granted (0: a window of the request refuses), and until when, from now, they are owed. */
struct rate_grant {
    uint32_t granted;
    uint64_t owed_us;
};
enum lease_verdict leases_granted(struct rate_check *c, const struct rate_grant *grants); /* by window; never LEASE_ASK */
void leases_filled(const struct rate_check *c, const struct rate_grant *grants);          /* the same, when no request waits for it */

enum lease_verdict leases_alone(struct rate_check *c); /* without Redis; never LEASE_ASK */

#endif
