#include "rest/event_data.h"

enum { COLUMNS_AT_ONCE = 50 }; /* a function takes 100 arguments */

/* What others are told of a record: these columns of its image and no more. Names them all, which is many times as fast as looking at each
 * column that is there (jsonb_each). */
static void add_column(struct buf *b, const char *image, const char *name, int nth)
{
    const char *before = nth == 0 ? "(jsonb_build_object(" : nth % COLUMNS_AT_ONCE ? "," : ") || jsonb_build_object(";
    buf_addf(b, "%s'%s',%s->'%s'", before, name, image, name);
}

static bool is_plain_secret(const struct field *f)
{
    return (f->flags & (F_SECRET | F_SEALED | F_WRITEONLY)) == F_SECRET;
}

bool event_data_has_secrets(const struct resource *r)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (is_plain_secret(&r->fields[i])) return true;
    return false;
}

static void add_secrets(struct buf *b, const char *image, const struct resource *r, const char *clear)
{
    int n = 0;
    if (!event_data_has_secrets(r)) return;
    buf_addf(b, " || CASE WHEN '%s' = ANY (%s::text[]) THEN ", r->name.p, clear);
    for (size_t i = 0; i < r->field_count; i++)
        if (is_plain_secret(&r->fields[i])) add_column(b, image, r->fields[i].name.p, n++);
    buf_addz(b, ")) ELSE '{}' END");
}

void event_data_add(struct buf *b, const char *image, const struct resource *r, const char *clear)
{
    int n = 0;
    add_column(b, image, "deleted_time", n++);
    for (size_t i = 0; i < r->field_count; i++)
        if (!(r->fields[i].flags & (F_SECRET | F_JOINED | F_WRITEONLY))) add_column(b, image, r->fields[i].name.p, n++);
    for (const char *const *more = r->event_columns; more && *more; more++) add_column(b, image, *more, n++);
    buf_addz(b, "))");
    add_secrets(b, image, r, clear);
}
