/* guard: may this request go on? The same on the gateway and on every service, since internal teams reach services directly. */
#ifndef AUTH_GUARD_H
#define AUTH_GUARD_H

#include "http/req.h"

/* Checks the bearer token and the route's permission, sets r->who and goes on to `next`, or answers. At once, but when an outside
 * authentication system is asked (auth/validator): then later, unless the client has gone meanwhile. */
void guard_admit(struct req *r, handler_fn next);

/* What is needed to judge a token is known: keys, revocations. Before that nobody is let in, and only public routes are served. */
bool guard_is_ready(const struct worker *w);

#endif
