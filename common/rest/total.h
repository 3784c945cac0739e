/* total: how many rows a filter finds, exactly, without counting a broad one each time.
 *
 * A count of half a million rows takes a quarter of a second. So a count from TOTAL_KEPT_FROM on is stored with the snapshot it was
 * made under (list_total in rest.sql); later readers add what the outbox holds beyond that snapshot and the same filter
 * finds: after-images minus before-images. Exact for any filter, without locks, shared by all replicas. */
#ifndef REST_TOTAL_H
#define REST_TOTAL_H

#include "schema/sql.h"

enum { TOTAL_KEPT_FROM = 5000 }; /* rows: what is less is counted anew each time */

/* Under which key the total of this filter is stored. In the arena. */
const char *total_key(struct arena *a, const struct resource *r, struct str where, const struct sql_params *params);

/* SQL with one row, one column. `where` is sql_where()'s text, `params` its parameters, to which the key is added. An
 * estimate counts no further than 10,001 rows unless a total is stored. */
struct str total_sql(struct arena *a, const struct resource *r, enum total_mode mode, struct str where,
                     struct sql_params *params);

#endif
