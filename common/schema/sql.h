/* sql: the statements of a resource, made from its field table. Text holds names from tables only; values are $n.
 *
 * The row being read or written is always called `t`. Functions append to `b`. */
#ifndef SCHEMA_SQL_H
#define SCHEMA_SQL_H

#include "base/buf.h"
#include "schema/query.h"
#include "schema/schema.h"

/* Parameters of one statement, in the order of their $n. Texts live in an arena. The count of a list has all that is asked three times. */
enum { SQL_PARAMS_MAX = 96 };
struct sql_params {
    const char *values[SQL_PARAMS_MAX];
    int count;
};
int sql_param(struct sql_params *params, const char *value); /* its n */

/* What a view selects: each of its fields once; a joined name needs the reference that it names; whose the record is says who sees
 * its secrets. */
enum { COLUMN_NONE = 0xff };
struct columns {
    unsigned char at[FIELDS_MAX];    /* column by field index; COLUMN_NONE: not selected */
    unsigned char field[FIELDS_MAX]; /* field index by column */
    size_t count;
};
void sql_columns_of(struct columns *c, const struct resource *r, const struct field_list *view);
void sql_columns(struct buf *b, const struct resource *r, const struct columns *c); /* "t.a, t.b::text" */

/* A write-only field has its hash for a column: what follows the field's name. */
static inline const char *sql_suffix(const struct field *f)
{
    return f->flags & F_WRITEONLY ? "_hash" : "";
}

/* Fields that a client may write, in parameter order; `each` gets the field's index. */
static inline bool sql_is_writable(const struct field *f)
{
    return !(f->flags & (F_READONLY | F_JOINED));
}

/* Of these, the ones with a blind index (schema/seal.h): it is a parameter of its own, after the value. */
static inline bool sql_has_index(const struct field *f)
{
    return (f->flags & (F_SEALED | F_EXACT)) == (F_SEALED | F_EXACT);
}

/* How many parameters of a write a field has. */
static inline int sql_params_of(const struct field *f)
{
    return sql_is_writable(f) ? 1 + sql_has_index(f) : 0;
}

enum { SQL_INSERT_FIRST = 3, SQL_UPDATE_FIRST = 5 }; /* parameters before the fields */

/* $1 id, $2 user, $3 pinyin, then the writable fields. */
void sql_insert(struct buf *b, const struct resource *r);
/* $1 id, $2 user, $3 pinyin, $4 bits of the given fields, $5 accepted versions, then the writable fields. */
void sql_update(struct buf *b, const struct resource *r);
/* Refuses what these values (by field index) name and is not there, or is another record's already. $1 id, $2 and $3 whose records are
 * reached (schema/scope.h; NULL: everybody's) are there; appends the other parameters. Nothing when there is nothing to check. Of a message
 * (no table) too: there it is the references alone. `is_new`: there is no such record yet. */
void sql_refuse(struct buf *b, struct sql_params *params, const struct resource *r, const char *const *values, bool is_new);

/* " AND ..." for every filter, keyword and date of `q`; appends its parameters. */
void sql_where(struct buf *b, struct sql_params *params, struct arena *a, const struct resource *r, const struct list_query *q);

/* The same rows where they are looked at one after another (schema/keyword.h), in two parts: `bounds`, which an index may serve, and what
 * `each` row is asked then (NULL: nothing): the keyword, and whether it is of a department. */
enum seek {
    SEEK_INDEX, /* an index names the rows */
    SEEK_EACH,  /* some rows are looked at, until there are enough */
    SEEK_ALL,   /* all are */
};
void sql_where_walk(struct buf *bounds, struct buf *each, struct sql_params *params, struct arena *a, const struct resource *r,
                    const struct list_query *q, enum seek how);

#endif
