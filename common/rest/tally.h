/* tally: an internal GET under a record's id that answers with one number about it, of all records, whosever they are: what hangs on a
 * record before it is deleted. */
#ifndef REST_TALLY_H
#define REST_TALLY_H

#include "http/req.h"
#include "io/pg.h"

struct tally {
    struct str id, name; /* the path's parameter; the reply's member */
    struct pg_stmt stmt; /* $1: the id; the number */
};

void tally_get(struct req *r, const struct tally *what); /* which lives on */

#endif
