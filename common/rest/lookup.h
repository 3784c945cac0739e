/* lookup: single records by id, the requests of a moment in one statement.
 *
 * Most of what a primary-key read costs PostgreSQL is starting and describing a statement, not finding a row. So reads that
 * wait together are asked for together (WHERE id = ANY ...), one such statement under way per worker: alone, a
 * request goes at once; under load, those that arrive meanwhile share the next one. */
#ifndef REST_LOOKUP_H
#define REST_LOOKUP_H

#include "http/req.h"
#include "rest/statements.h"

struct lookups; /* per worker */
struct lookups *lookups_new(struct worker *w);
void lookups_free(struct lookups *l); /* after pg_free(), which has answered what was under way */

struct found {
    const struct pg_segment *segment; /* lives as long as the request */
    int row;                          /* -1: no such live record, or none that the caller reaches */
    int beyond;                       /* that record, for who may know of it; -1: none */
};

/* Looks `id` up and runs the request's flow again with `ret` filled, or answers the error. `ret` lives in the arena. */
void lookup_start(struct req *r, const struct statements *s, struct str id, struct found *ret);

#endif
