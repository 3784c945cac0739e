/* query: what a list is asked for. Reads the query string against the field table; all bad parameters are reported at once. */
#ifndef SCHEMA_QUERY_H
#define SCHEMA_QUERY_H

#include "base/err.h"
#include "base/limits.h"
#include "schema/schema.h"
#include "schema/scope.h"
#include "schema/validate.h"

struct query_param {
    struct str name, value; /* decoded */
};

/* Splits and percent-decodes a raw query ('+' is a space). false: malformed encoding, repeated name, or too many -> p. */
bool query_split(struct arena *a, struct str raw, struct query_param *params, size_t *ret_count, struct problem *p);
struct str query_value(const struct query_param *params, size_t count, struct str name); /* absent when missing */

enum total_mode { TOTAL_EXACT, TOTAL_ESTIMATE, TOTAL_NONE };

struct list_query {
    int64_t page, size;
    struct str keyword;               /* trimmed; absent: none */
    const char *filters[FIELDS_MAX];  /* SQL text by field index; NULL: not filtered */
    const char *from, *until;         /* SQL times on resource.dates: >= from, < until; NULL: open */
    int sort;                         /* field index */
    bool ascending;
    struct str cursor;                /* as sent; absent: by page */
    enum total_mode total;

    const char *only;                 /* SQL function of the row, which must say so; NULL: all rows */
    const char *span[2];              /* SQL times that it gets besides; NULL: none */

    /* not asked for, but due to who asks */
    struct scope scope;
    bool by_secrets;                  /* a keyword may be a whole phone number or e-mail address */
};

/* What a list is narrowed to by its route. `spans`: by a time from `from` to `to`, which must be asked for then; oldest first. */
struct list_limits {
    const char *only; /* as above */
    bool spans;
};

bool list_query_read(struct arena *a, const struct resource *r, struct str raw, struct list_limits limits, struct list_query *q,
                     struct problem *p);

#endif
