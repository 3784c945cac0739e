/* scope: whose records a caller reaches (requirement document, section 6.1), as SQL.
 *
 * One rule in two forms. Both hold for who owns the record, for the departments of `reach`, or for everybody; a record that
 * nobody owns is reached by those who reach all. Departments of owners are in user_ref (rest/rest_access.sql). */
#ifndef SCHEMA_SCOPE_H
#define SCHEMA_SCOPE_H

#include "base/buf.h"
#include "schema/schema.h"

/* `reach` is a LIKE pattern of the owner's department with a '.' behind it: "1.4." or, with all below, "1.4.%".
 * NULL: all records; SCOPE_NOBODY: those of no department. */
#define SCOPE_NOBODY "-"
struct scope {
    const char *user, *reach;
};

/* For prepared statements, whose text is the same for all callers: " AND (...)" on row `row` with the owner's column `owner`;
 * $`user` and $`reach` are the two members. */
void scope_add(struct buf *b, const char *row, const char *owner, int user, int reach);

/* For lists, where the text may say what is meant, so that an index can be a range: " AND ..." on row `t`. Appends to `params`. */
struct sql_params;
void scope_add_narrow(struct buf *b, struct sql_params *params, const struct resource *r, const struct scope *s);

bool scope_is_of_departments(const struct scope *s); /* it depends on where people are, besides on the records */

#endif
