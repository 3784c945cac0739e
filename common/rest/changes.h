/* changes: what a write has changed of a record, for the audit (requirement document, section 6.3). Inside rest only.
 *
 * {"<column>": [before, after]} of each column that is another one than before the write. A secret (F_SECRET) is told as "***", whatever it
 * is; of a long value its first CHANGES_KEPT characters and "…". Not told: who changed the record and when, which the audit knows, its
 * version, and what is kept to find it by. */
#ifndef REST_CHANGES_H
#define REST_CHANGES_H

#include "base/arena.h"
#include "io/pg.h"
#include "schema/schema.h"

enum { CHANGES_KEPT = 300 };

extern const struct pg_stmt stmt_images; /* $1 id -> before and after each event of the record in this transaction, the oldest first */

/* `before`, `after`: the record as PostgreSQL prints jsonb; `before` absent: it was made. Absent: nothing has changed. */
struct str changes_between(struct arena *a, const struct resource *r, struct str before, struct str after);

/* The same, of what stmt_images has said as this call of the segment: from before the first event to after the last. */
struct str changes_of(struct arena *a, const struct resource *r, const struct pg_segment *s, int call);

#endif
