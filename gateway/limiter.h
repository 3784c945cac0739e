/* limiter: how many requests a sender may make (requirement document, section 6.3). Between guard and proxy.
 *
 * All windows of a request (rates.h) are asked of Redis in one round trip, which takes one of each or none of any; leases (leases.h) make
 * that rare. No request waits longer than RATE_REDIS_MS for Redis, and none fails because of it: without it the limits are local.
 * Every answer says how its sender stands: RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers), X-RateLimit-*. */
#ifndef GATEWAY_LIMITER_H
#define GATEWAY_LIMITER_H

#include "http/req.h"

struct app;
struct buf;

void limiter_start(int workers); /* before they run */
void limiter_stop(void);

/* Goes on to proxy(), at once or later, or answers 429. */
void limiter_admit(struct req *r);

void limiter_print(struct buf *out); /* metrics, from any thread */

#endif
