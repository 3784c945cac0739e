/* guard: may this request go on? The same on the gateway and on every service, since internal teams reach services directly. */
#ifndef AUTH_GUARD_H
#define AUTH_GUARD_H

#include "http/req.h"

/* Checks the bearer token and the route's permission; sets r->who. false: r->problem says why. */
bool guard_admit(struct req *r);

/* Keys and revocations are known: before that nobody is let in, and only public routes are served. */
bool guard_is_ready(const struct worker *w);

#endif
