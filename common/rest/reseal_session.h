/* reseal_session: the command's own connection to the database, one statement after the other. Inside rest/reseal only. */
#ifndef REST_RESEAL_SESSION_H
#define REST_RESEAL_SESSION_H

#include "io/pg.h"
#include "schema/sql.h"

enum { SESSION_SQL_MAX = 16 * 1024, SESSION_VALUE_MAX = 16 * 1024 * 1024, SESSION_TABLES_MAX = 32 };

struct vault;

struct session {
    struct event_base *base;
    struct work *work;
    struct pg *pg;
    struct arena arena; /* as long as the session */
    int polls;          /* until it was connected */
    bool failed;        /* said on standard error; nothing is done any more */
};

/* Connects, and makes sure that the keys are the data's: data_keys.h. Values in clear are no fault here. */
void session_begin(struct session *s, const char *url, const struct vault *v);
void session_end(struct session *s);

/* Binary rows, until session_release(). NULL: failed. */
struct pg_segment *session_read(struct session *s, struct str sql, const char *const *params, int count);
void session_release(struct pg_segment *segment);

/* A change that is no event; the rows changed. */
long session_change(struct session *s, struct str sql, const char *const *params, int count);

#endif
