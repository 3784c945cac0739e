/* total: how many rows a filter finds, exactly, without counting a broad one each time.
 *
 * A count of half a million rows takes a quarter of a second. So a count of many rows is stored with the snapshot it was
 * made under (list_total in rest.sql); later readers add what the outbox holds beyond that snapshot and the same filter
 * finds: after-images minus before-images. Exact for any filter, without locks, shared by all replicas. Where no event tells of rows
 * that are only ever added ("appended"), SQL does: <table>_new(pg_snapshot), how many came since, <table>_since(pg_snapshot), these
 * rows, and <table>_gone.turn, the transactions in which old ones were given up.
 *
 * Three statements: what is stored, a count for when nothing is, and keeping a total (stmt_total_keep). They are apart because
 * PostgreSQL counts in parallel only in a statement that writes nothing. A count looks once more for what is stored: those who ask for
 * the same wait in one line (PG_COUNT), and the first of them has counted for all. */
#ifndef REST_TOTAL_H
#define REST_TOTAL_H

#include "rest/page.h"

/* Rows: a count of fewer is made anew each time, unless it took TOTAL_SLOW_US, as it does where many wait in line. What a keyword finds has
 * to be read for that, and rows that are only added are in many partitions. */
enum { TOTAL_KEPT_FROM = 5000, TOTAL_KEPT_FROM_OF_DEAR = 1000, TOTAL_SLOW_US = 40 * 1000 };

/* What the first two select: the total, the snapshot it is true for; of a stored one, whether it should be stored anew; about how many
 * rows there are of all; the ids of the page, where the count came by them. */
enum { TOTAL_ROWS, TOTAL_SNAPSHOT, TOTAL_STALE, TOTAL_AMONG, TOTAL_PAGE };

/* Under which key the total of this filter is stored. In the arena. `where` is sql_where()'s text, `params` its parameters. */
const char *total_key(struct arena *a, const struct resource *r, struct str where, const struct sql_params *params);

/* The stored total, brought up to date; no row when there is none, when much has changed since, or when what no event tells of has:
 * where somebody is, or a name that the keyword is sought in. Adds to `params`. */
struct str total_stored(struct arena *a, const struct resource *r, const struct list_query *q, const char *key, struct sql_params *params);

/* Counts, unless it is stored under `key` (NULL: it is not kept) and can be brought up to date sooner; when not for an exact total, no
 * further than 10,001 rows. May add to `params`. */
struct str total_count(struct arena *a, const struct page *p, struct str where, const char *key, struct sql_params *params);

#endif
