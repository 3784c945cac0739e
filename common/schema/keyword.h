/* keyword: what a row is asked for a keyword, in the form that costs least for the way in which the rows are come by (enum seek).
 *
 * A row has it in its `search_text`, in what a field matches as a whole only (F_EXACT), or in the `search_text` of what a reference names
 * (F_JOINED with F_SEARCH), which is kept there alone: the customer's of an order. */
#ifndef SCHEMA_KEYWORD_H
#define SCHEMA_KEYWORD_H

#include "schema/sql.h"

/* " AND (...)", or nothing without a keyword. Appends to `params`. */
void keyword_add(struct buf *b, struct sql_params *params, struct arena *a, const struct resource *r, const struct list_query *q,
                 enum seek how);

/* The reference by whose name a keyword finds records, when `f` is such a name; else NULL. */
const struct field *keyword_reference(const struct resource *r, const struct field *f);
bool keyword_is_of_names(const struct resource *r); /* has it such a one? */

#endif
