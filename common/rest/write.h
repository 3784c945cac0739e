/* write: what the writes of a record have in common: one segment each, so one round trip and one transaction. Inside rest only.
 *
 * [claim the Idempotency-Key] [another record] [refuse bad references and duplicates] who wrote, write, read back [keep the reply]
 * [undo a dry run].
 * write.c sends it, outcome.c says what came of it, replay.c answers a key that has a reply, call.c is the verb whose write is
 * a procedure. */
#ifndef REST_WRITE_H
#define REST_WRITE_H

#include "http/req.h"
#include "io/pg.h"
#include "rest/input.h"
#include "rest/lookup.h"
#include "rest/row.h"
#include "rest/statements.h"
#include "schema/sql.h"
#include "schema/validate.h"

struct write;

struct verb {
    unsigned input;
    enum write_kind kind;
    size_t statement; /* offset in struct statements; not of a procedure */
    void (*params)(struct req *r, struct write *w);
    bool creates, restores, echoes; /* echoes: masks may come back (rest/echo.h) */
    enum view view, rpc_view;       /* of the reply; VIEW_COUNT: just true */
};
extern const struct verb call_verb;

enum { TOLD_MAX = 2, WRITE_SQL_MAX = 16 * 1024 };

struct write {
    const struct verb *verb;
    step_fn prepare, after; /* the service's own; NULL: none */
    const struct statements *statements;
    const struct resource *body; /* what the body is read by: the record's own schema, or a procedure's request; NULL: none */
    struct input input;
    struct values values; /* of `body` */
    struct found stored;  /* what echoes are compared with; without a segment: there are none */
    const char *id, *user, *key, *request;
    struct scope scope;
    const struct statements *also; /* another record before this one; NULL: none */
    bool by_other;                 /* the author is not the caller */
    struct sql_params params, checks, author /* none: he is known */, claim, back, keep, also_params;
    struct pg_segment *segment;
    const char *told[TOLD_MAX][2]; /* settings for its triggers: name and value */
    int told_count;
    int changed_at, back_at, changes_at; /* calls of the segment; changes_at: 0 when nobody wants to know them */
    bool replayed, retried;
    void *fetch; /* rest/remote: of a reference, once */
};

const struct pg_stmt *write_shape(struct req *r, struct buf *sql); /* the statement of this text; ends `sql` */
enum step write_send(struct req *r); /* the segment; again, when a duplicate came in between */

/* outcome.c */
enum step write_judge(struct req *r);
enum step write_after(struct req *r);
enum step write_reply(struct req *r);
struct rows write_rows(struct req *r, const struct write *w); /* what was read back: the record, or none */

/* replay.c: another flow in place of this one. */
void replay_start(struct req *r);

/* call.c */
const struct pg_stmt *call_statement(struct req *r, const struct write *w);

static inline void write_add(struct sql_params *p, const char *value)
{
    p->values[p->count++] = value;
}

/* Whose records the writer reaches: the last parameter of a statement that asks. */
static inline void write_add_reach(struct sql_params *p, const struct write *w)
{
    if (w->statements->is_scoped) write_add(p, w->scope.reach);
}

#endif
