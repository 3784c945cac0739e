/* row: rows of a segment as `present` wants them, from PostgreSQL's binary format, for the eyes of the request's caller. */
#ifndef REST_ROW_H
#define REST_ROW_H

#include "http/req.h"
#include "io/pg.h"
#include "schema/present.h"
#include "schema/sql.h"

struct rows {
    struct req *req;
    const struct resource *resource;
    const struct columns *columns;
    const struct pg_segment *segment; /* the call was added with pg_add_binary() */
    int call, first_column;           /* where `columns` begin */
    int from, until;                  /* rows that are meant */
};

struct rows_row {
    struct row row;
    const struct rows *rows;
    int at;
};
/* A sealed value (schema/seal.h) comes as clear text. One that does not open: absent, logged, and E_INTERNAL in the request's
 * problem, which reply_end() answers. */
struct rows_row rows_row(const struct rows *rows, int at);

struct str rows_bytes(const struct rows *rows, int at, int field); /* as PostgreSQL sent it; absent: NULL */

#endif
