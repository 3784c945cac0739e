/* token: access tokens (JWT, RFC 7519): ES256 by published keys, or HS256 by a secret that is shared with an outside system, never both.
 * token.c is the only user of libjwt.
 *
 * libjwt lets the token choose its algorithm and checks no claim: here the key has one algorithm, auth/claims judges every claim,
 * and a verified token is remembered until it expires, so that its signature costs once. */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include "auth/claims.h"

struct tokens; /* per worker: public keys and verified tokens */

extern const struct token_rules tokens_own; /* those of auth-service, for users */

struct tokens *tokens_new(const struct token_rules *rules); /* copied */
void tokens_free(struct tokens *t);

/* Replaces the keys by those of a JWK set (RFC 7517) that are EC P-256 with a kid. false: not one usable key, nothing changed. */
bool tokens_set_keys(struct tokens *t, struct str jwks);
bool tokens_have_keys(const struct tokens *t); /* or a secret */

/* The principal of a valid token, alive as long as arena `a`; NULL with a static reason for the log. */
const struct principal *tokens_verify(struct tokens *t, struct arena *a, struct str token, int64_t now_s, const char **reason);

struct token_claims {
    struct str user_id, username, name, session_id;
    struct str roles, permissions; /* JSON arrays */
    struct str scope, department;  /* "department_and_below", "1.4"; absent department: none */
    struct str generation;         /* a number */
    struct str audience;           /* absent: TOKEN_AUDIENCE */
    bool is_service;               /* user_id is a client's */
    int64_t issued_s, expires_s;
};

/* A signed token, or absent when the key is unusable. */
struct str token_sign(struct arena *a, const char *private_pem, const char *kid, const struct token_claims *claims);

#endif
