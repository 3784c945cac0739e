/* forward: the header fields that go on to a service, and those that come back. */
#ifndef GATEWAY_FORWARD_H
#define GATEWAY_FORWARD_H

#include "http/client.h"
#include "http/req.h"

enum { FORWARD_OWN = 7, FORWARD_MAX = LIMIT_HEADERS + FORWARD_OWN };

/* What the client sent, without hop-by-hop fields and those that only a gateway may send, and the gateway's own. `timeout_ms`: how
 * long the service has. Returns the number of fields in `out`. */
size_t forward_request(struct req *r, int timeout_ms, struct header out[FORWARD_MAX]);

/* The path in the normal form that routing and permission went by, and the query as it came. */
struct str forward_target(struct req *r);

/* The service's fields, copied to the reply. `ret_type`: its Content-Type. */
void forward_reply(struct req *r, const struct client_reply *reply, struct str *ret_type);

#endif
