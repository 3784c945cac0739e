/* related: a GET under one record that answers with rows of a statement of its own, as an array: where it may go, what is like it. */
#ifndef REST_RELATED_H
#define REST_RELATED_H

#include "base/buf.h"
#include "http/req.h"

/* A member of each row's object, from the column at its place. */
struct related_member {
    struct str name;
    bool is_json; /* the column holds JSON, a number too; else a text */
};

struct related {
    /* Appends the statement. $1: the record's id, $2 and $3: whose records the caller reaches (schema/scope.h), $4: `more`. One row for
     * each; one whose first column is NULL when there is none; none when there is no such record for this caller. */
    void (*sql)(struct buf *b);
    const char *(*more)(const struct req *r); /* NULL: there is no $4 */
    const struct related_member *members;
    size_t count;
};

void related_list(struct req *r, const struct related *what); /* which lives on */
void related_object(struct req *r, const struct related *what); /* the first row alone, as an object */

#endif
