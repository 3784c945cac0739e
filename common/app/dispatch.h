/* dispatch: from a whole request to its route, the same for services and gateway. */
#ifndef APP_DISPATCH_H
#define APP_DISPATCH_H

#include "http/req.h"

/* Request id, route, path parameters, deadline, acceptable representation. false: r->problem says why, headers are set. */
bool dispatch_route(struct req *r);

/* For server_config.body_max_of: what the route says of bodies. */
size_t dispatch_body_max(const struct worker *w, enum method method, struct str path);

/* Request id for a request that was refused before it had a route. */
void dispatch_refused(struct req *r);

#endif
