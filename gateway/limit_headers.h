/* limit_headers: what an answer says of its sender's limits: RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers) of all
 * windows; X-RateLimit-Limit, -Remaining and -Reset (seconds) of the one that will refuse first. */
#ifndef GATEWAY_LIMIT_HEADERS_H
#define GATEWAY_LIMIT_HEADERS_H

#include "leases.h"

struct req;

void limit_headers(struct req *r, const struct rate_check *c);

int limit_retry_after_s(const struct rate_check *c); /* of a request that was refused; at least 1 */

#endif
