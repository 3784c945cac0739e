/* page: the SQL of one page of a list, in the four ways to come by it.
 *
 * No statistics tell a rare keyword from a common one, nor a department that has little from one that has much, and each needs the
 * other's opposite: what few rows have is taken from its index and sorted; what many have is soon met walking along the list's own
 * order. So the total says which (page_walk). As it does not say where they are - all may be old - a walk ends after so many rows; a longer
 * one (page_further) or the index (page_beyond_walk) has to find them then. */
#ifndef REST_PAGE_H
#define REST_PAGE_H

#include "schema/sql.h"

struct page {
    const struct resource *resource;
    const struct list_query *query;
    const struct columns *columns;
    const char *after[2]; /* sort value and id of the cursor; NULL: none */
};

/* Statements that select the columns, the sort value, the id. `where` is sql_where()'s text, with its `params`, to which they append;
 * without it they begin. In the arena. */
struct str page_in_order(struct arena *a, const struct page *p, struct str where, struct sql_params *params);
struct str page_of_few(struct arena *a, const struct page *p, struct str where, struct sql_params *params);
struct str page_of_ids(struct arena *a, const struct page *p, const char *ids, struct sql_params *params); /* "{id,id}" */

/* Walks over so many rows. When that has not filled the page: page_of_few(), or nothing when those were all rows that there are. */
struct str page_of_walk(struct arena *a, const struct page *p, int64_t rows, struct sql_params *params);
struct str page_beyond_walk(struct arena *a, const struct page *p, struct str where, int64_t rows, struct sql_params *params);

/* How many rows are to be walked over for a page of `total` finds among about `among` rows, and how many when `walked` were too few; 0:
 * better take them from the index. */
int64_t page_walk(const struct page *p, int64_t total, int64_t among);
int64_t page_further(const struct page *p, int64_t total, int64_t walked);

/* All that `where` finds, as a common table expression without its last bracket, and the ids of the page among them. */
void page_add_few(struct buf *b, const struct page *p, struct str where);
void page_add_ids(struct buf *b, struct arena *a, const struct page *p, struct sql_params *params);

#endif
