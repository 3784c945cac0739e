/* auth: what the files of this service share. */
#ifndef AUTH_SERVICE_AUTH_H
#define AUTH_SERVICE_AUTH_H

#include "base/config.h"
#include "io/pg.h"

struct auth_settings {
    int token_ttl_s;
};
extern const struct opt auth_opts[];

extern const struct pg_stmt stmt_user_by_name; /* $1 name -> a row of identities */
extern const struct pg_stmt stmt_key_signing;  /* -> kid, private PEM */
extern const struct pg_stmt stmt_key_add;      /* $1 kid, $2 private PEM, $3 public JWK */
extern const struct pg_stmt stmt_key_public;   /* -> {"keys":[...]}, whether one signs */
extern const struct pg_stmt stmt_client;       /* $1 id, $2 audience; see client.c */
extern const struct pg_stmt stmt_revocations;  /* see revocation.c */

/* The command "create-admin --username NAME": password from ADMIN_PASSWORD, database from DATABASE_URL; the exit status. */
int admin_create(int argc, char **argv);

/* The command "create-client --name NAME --audience NAMES --permissions NAMES [--scope SCOPE]": prints id and secret; the exit status. */
int client_create(int argc, char **argv);

struct str client_secret_hash(struct arena *a, struct str secret); /* as it is kept */

#endif
