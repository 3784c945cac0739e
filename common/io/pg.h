/* pg: PostgreSQL through few connections that many requests share (libpq pipeline mode). One pool per worker.
 *
 * The unit of work is a segment: up to PG_CALLS statements that are one implicit transaction, ended by one Sync. There is
 * no BEGIN and no COMMIT; what a statement needs to know of an earlier one stands in SQL. An error rolls the whole
 * segment back. Fast segments that only read share a Sync with their neighbours, which saves a system call for each.
 *
 * Statements have constant text and values only as $n. Those known at start are prepared at connect (pg_ready() tells);
 * others are prepared on a connection when it first meets them.
 *
 * When a connection is lost, segments not yet sent and those that only read move to another one; a write that was sent
 * fails with E_DATABASE_DOWN, since nobody knows whether it happened. So is E_DATABASE_TIMEOUT of a write without sqlstate:
 * its deadline passed without a word from the server. */
#ifndef IO_PG_H
#define IO_PG_H

#include "base/err.h"

struct event_base;
struct work;
struct pg;

enum { PG_CALLS = 16, PG_PARAMS = 64 };

struct pg_stmt {
    const char *name;                 /* NULL: used once, never prepared */
    const char *sql;
};

struct pg_call {
    const struct pg_stmt *stmt;       /* must outlive the segment; its name stands for its text for ever */
    const char *const *values;        /* NUL-terminated, NULL for SQL NULL; must outlive the segment */
    int count;
    bool binary;                      /* results in PostgreSQL's binary format: cheaper to make than text for most types */
};

/* Lists wait on connections of their own, counts, which may look at every row there is, on others, and so do changes: one that waits for
 * a lock or for the disk holds up no read. PG_CHANGE is not asked for: a PG_FAST segment that does not only read takes it, where there is
 * one. */
enum pg_lane { PG_FAST, PG_SLOW, PG_COUNT, PG_CHANGE, PG_LANES };

struct pg_segment {
    struct pg_call calls[PG_CALLS];
    int count;
    enum pg_lane lane;
    bool reads;                       /* changes nothing: may be sent again */
    uint64_t deadline_us;             /* monotonic; 0: the statement timeout alone bounds it */
    void (*done)(struct pg_segment *s, void *arg); /* exactly once, never from inside pg_submit() */
    void *arg;

    /* the outcome, owned by the segment until pg_segment_done() */
    enum err_code error;              /* E_OK; E_DATABASE_DOWN; E_DATABASE_TIMEOUT; E_OVERLOADED; E_INTERNAL: see sqlstate */
    char sqlstate[6];
    char *detail, *constraint;        /* of an SQL error; NULL when it has none */
    void *results[PG_CALLS];          /* calls before the failing one keep theirs */
    uint64_t sent_us, took_us;

    struct pg_segment *next;
    int results_seen, tries;
    bool alone;                       /* shares its Sync with nobody */
};

void pg_segment_init(struct pg_segment *s, enum pg_lane lane, void (*done)(struct pg_segment *, void *), void *arg);
void pg_segment_done(struct pg_segment *s); /* frees results; a deferred call of the request's arena */
void pg_add(struct pg_segment *s, const struct pg_stmt *stmt, const char *const *values, int count);
void pg_add_binary(struct pg_segment *s, const struct pg_stmt *stmt, const char *const *values, int count);

int pg_rows(const struct pg_segment *s, int call);
struct str pg_value(const struct pg_segment *s, int call, int row, int column); /* absent: SQL NULL */
int pg_affected(const struct pg_segment *s, int call);

struct pg_config {
    const char *url;                  /* libpq URL or keywords */
    const char *timezone;             /* of the sessions: how times are printed */
    const char *application;
    int connections[PG_LANES];
    int statement_timeout_ms;
    const struct pg_stmt *const *statements; /* prepared at connect; NULL-terminated */
    /* NOTIFY on one of `channels` (NULL-terminated, or NULL: no LISTEN) was seen, or on any of them may have been missed (both absent).
     * Channels are those of the whole database; ".x" is "<schema>.x", of the session's own, and seen as ".x". */
    const char *const *channels;
    void (*on_notify)(void *arg, struct str channel, struct str payload);
    void *notify_arg;
};

struct pg *pg_new(struct event_base *base, struct work *work, const struct pg_config *config);
void pg_free(struct pg *p); /* after work_free(); segments under way fail with E_DATABASE_DOWN, from inside this call */
bool pg_ready(const struct pg *p);     /* every connection has prepared every statement */
bool pg_listening(const struct pg *p); /* notifications arrive */
size_t pg_in_flight(const struct pg *p);
void pg_submit(struct pg *p, struct pg_segment *s);

#endif
