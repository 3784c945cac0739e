/* auth: what the files of this service share. */
#ifndef AUTH_SERVICE_AUTH_H
#define AUTH_SERVICE_AUTH_H

#include "app/errands.h"
#include "base/config.h"
#include "io/pg.h"

struct auth_settings {
    int token_ttl_s, refresh_ttl_s, sessions_max;
    const char *webhook_url; /* NULL: nobody is told */
    int failures_pair_max, failures_account_max, failures_address_max, delay_max_s, half_life_s; /* of logins: throttle.h */
};
extern const struct opt auth_opts[];
extern const struct errand auth_errands[]; /* webhook.c */

extern const struct pg_stmt stmt_user_by_name;   /* $1 name -> id, password hash, whether enabled */
extern const struct pg_stmt stmt_key_signing;    /* -> kid, private PEM */
extern const struct pg_stmt stmt_key_add;        /* $1 kid, $2 private PEM, $3 public JWK: unless there is one */
extern const struct pg_stmt stmt_key_public;     /* -> {"keys":[...]}, whether one signs */
extern const struct pg_stmt stmt_login_attempt;  /* throttle.h */
extern const struct pg_stmt stmt_login_forgive;
extern const struct pg_stmt stmt_session_begin;  /* grant.h */
extern const struct pg_stmt stmt_grant;
extern const struct pg_stmt stmt_refresh;        /* $1 old hash, $2 new hash, $3 its life in seconds, $4 whether it may be a repeat */
extern const struct pg_stmt stmt_sessions;       /* $1 user, $2 session that asks -> JSON array, whether there is such a user */
extern const struct pg_stmt stmt_sessions_end;   /* $1 user, $2 one of the sessions or NULL, $3 but not this one or NULL, $4 why ->
                                                    how many ended, whether there is such a user */
extern const struct pg_stmt stmt_password_of;    /* $1 user, $2 session -> password hash, device name of the session */
extern const struct pg_stmt stmt_password_set;   /* $1 user, $2 verified hash, $3 new hash */
extern const struct pg_stmt stmt_client;          /* $1 id, $2 audience; see client.c */
extern const struct pg_stmt stmt_revocations;    /* see revocation.c */
extern const struct pg_stmt stmt_ip_rules;       /* $1 version that is known; see ip_rules.c */
extern const struct pg_stmt stmt_audit_add, stmt_audit_verify; /* see audit.c */

/* The command "create-admin --username NAME": password from ADMIN_PASSWORD, database from DATABASE_URL; the exit status.
 * ADMIN_MUST_CHANGE_PASSWORD=0: that password may stay. */
int admin_create(int argc, char **argv);

/* The command "rotate-key [--overlap SECONDS] [--keep SECONDS]": see signing_key_rotate() in 0004_sessions.sql. */
int key_rotate(int argc, char **argv);

/* The command "create-client --name NAME --audience NAMES --permissions NAMES [--scope SCOPE]": prints id and secret; the exit status. */
int client_create(int argc, char **argv);

/* The command "verify-audit YYYY-MM-DD": EXIT_SUCCESS when the records of that day (UTC) are whole. */
int audit_verify_command(int argc, char **argv);

/* The command "load-countries": from standard input, lines such as "203.0.113.0/24,CN", in place of those there were; the exit status. */
int countries_load(int argc, char **argv);

struct str client_secret_hash(struct arena *a, struct str secret); /* as it is kept */

#endif
