/* grant: what a login hands out: a session, an access token of it and its refresh token.
 *
 * A refresh token is 256 random bits; PostgreSQL knows its SHA-256 only. Who is granted what is read in the same transaction that
 * begins or refreshes the session, so that no token says what was true a moment ago. */
#ifndef AUTH_SERVICE_GRANT_H
#define AUTH_SERVICE_GRANT_H

#include "http/req.h"
#include "io/pg.h"
#include "json/json_write.h"

enum { REFRESH_TOKEN_BYTES = 32 };

struct grant {
    const char *refresh_token, *hash; /* the hash as a bytea literal */
    int call;                         /* of the segment: who it is for; the next one: the key that signs */
};

/* The literal of a refresh token that a client sent. */
const char *grant_hash(struct arena *a, struct str refresh_token);

void grant_new(struct arena *a, struct grant *g);

/* The token that stands for `seed` and no other: the same again when the same is asked again. */
void grant_derive(struct arena *a, struct grant *g, struct str seed, struct str repeat_key);

/* A session of a user whose password is verified to be that of `hash`: where, from r; device_name may be NULL. One call. */
void grant_begin_session(struct req *r, struct pg_segment *s, const struct grant *g, const char *user_id, const char *hash,
                         const char *device_name);

/* The session that the request's token is of; NULL when it names none, as a token of somebody else's making may. */
const char *grant_session_of(struct req *r);

/* Reads, after the calls that make the refresh token current, whom it is for. Two calls. */
void grant_add(struct grant *g, struct pg_segment *s);
bool grant_is_given(const struct grant *g, const struct pg_segment *s); /* false: there is no such session */

/* The object of the login reply; false: r->problem says why. */
bool grant_write(struct req *r, const struct grant *g, const struct pg_segment *s, struct jw *w);

#endif
