/* statements: the prepared statements of one resource. Inside rest only. */
#ifndef REST_STATEMENTS_H
#define REST_STATEMENTS_H

#include "auth/principal.h"
#include "io/pg.h"
#include "schema/sql.h"

struct statements {
    const struct resource *resource;
    bool is_scoped;          /* its records are somebody's: statements with "reach" take it as their last parameter */
    struct columns detail;   /* what get, read_back and replay select; binary */
    struct pg_stmt get;      /* $1 ids -> detail columns of the live rows among them */
    struct pg_stmt get_scoped; /* the same, and the department of the owner; sql is NULL unless is_scoped */
    struct pg_stmt insert, update; /* schema/sql.h, update with reach */
    struct pg_stmt remove;   /* $1 id, $2 user, $3 versions, reach */
    struct pg_stmt restore;  /* $1 id, $2 user, $3 versions, reach */
    struct pg_stmt restorable; /* $1 id, $2 user, reach: refuses values that a live row has taken meanwhile */
    struct pg_stmt read_back;  /* $1 id, $2 user, reach -> detail columns, live or not, whether it is deleted, whether it is reached */
    struct pg_stmt remember; /* $1 id, $2 user, $3 idempotency key: keeps the row as the key's reply if this transaction
                                wrote it */
    struct pg_stmt replay;   /* $1 user, $2 key, $3 request -> is it the same request, detail columns of the kept row */
};

const struct statements *statements_of(const struct resource *r);

/* Statements that need no resource. */
extern const struct pg_stmt stmt_claim;   /* $1 user, $2 key, $3 request */
extern const struct pg_stmt stmt_author;  /* $1 user, $2 name, $3 department, $4 generation: keeps them */
extern const struct pg_stmt stmt_author_moved; /* the same, of a user who has written something before */
void author_values(struct arena *a, const struct principal *who, const char *values[4]);
extern const struct pg_stmt stmt_tell;    /* $1 name, $2 value: a setting for this transaction */
extern const struct pg_stmt stmt_dry_run;
extern const struct pg_stmt stmt_total_keep; /* $1 key, $2 total, $3 snapshot: rest/total.h */
extern const struct pg_stmt stmt_housekeeping;
extern const struct pg_stmt stmt_index_texts; /* see GIN_PENDING in io/pg_connect.c */

#endif
