/* revocations: which tokens are over before they expire, as auth-service tells: sessions that have ended, users that have changed.
 *
 * One per worker. It asks every 400 ms, and at once when told to (revocations_hurry(), by Redis); what it knows stays when nobody
 * answers. auth-service tells what has come since the cursor of the answer before, in pages (services/auth-service/revocation.c). */
#ifndef AUTH_REVOCATIONS_H
#define AUTH_REVOCATIONS_H

#include "auth/principal.h"

struct revocations;
struct worker;

struct revocations *revocations_new(struct worker *w, struct str url); /* NULL: malformed URL */
void revocations_free(struct revocations *r); /* before its client: gives up what it has asked */

bool revocations_known(const struct revocations *r); /* the whole list was read once: before that nobody can be let in */
void revocations_hurry(void *r);
bool revocations_concern(const struct revocations *r, const struct principal *who);

#endif
