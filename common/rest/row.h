/* row: rows of a segment as `present` wants them. */
#ifndef REST_ROW_H
#define REST_ROW_H

#include "http/req.h"
#include "io/pg.h"
#include "schema/present.h"

struct segment_row {
    struct row row;
    const struct pg_segment *segment;
    int call, at, first_column;
};

/* Row `at` of a call whose columns, from `first_column` on, are those of `columns`. */
struct segment_row segment_row(struct req *r, const struct pg_segment *s, int call, int at, int first_column,
                               const struct field_list *columns);

#endif
