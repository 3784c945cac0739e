/* throttle: wrong passwords make the next login wait, and nobody is locked out for good.
 *
 * Failures are counted by account and address, by account, and by address, in PostgreSQL, so that all replicas count as one. After
 * so many of them a login is refused until a time has passed, which doubles with each further one up to a maximum; half of the
 * count is forgotten after a while. A login counts as failed from its first moment, so that guesses at once count each other, and
 * is forgiven when it was none. An unknown account is counted like any other. Strangers cannot lock an owner out: where a user has
 * logged in from before, only failures from there count (login_attempt() in 0004_sessions.sql). */
#ifndef AUTH_SERVICE_THROTTLE_H
#define AUTH_SERVICE_THROTTLE_H

#include "http/req.h"
#include "io/pg.h"

/* Whom an address counts as: itself; of IPv6 the /64 that one customer of a provider has. */
struct str throttle_origin(struct arena *a, struct str address);

/* Adds the attempt to a segment, as its next call. */
void throttle_add(struct req *r, struct pg_segment *s, struct str account);

/* What came of that call. false: too early, r->problem says when. `ret_charged` is for throttle_forgive(). */
bool throttle_admits(struct req *r, const struct pg_segment *s, int call, const char **ret_charged);

/* `clears`: it was the owner; else it was not even looked at. */
void throttle_forgive(struct req *r, struct pg_segment *s, const char *charged, bool clears);

#endif
