/* present: a stored row as JSON. The one place where values leave for a client, and so the one where they can be masked. */
#ifndef SCHEMA_PRESENT_H
#define SCHEMA_PRESENT_H

#include "json/json_write.h"
#include "schema/schema.h"

/* A row, whatever holds it: its columns are those of `columns` (see sql_columns). */
struct row {
    const struct field_list *columns;
    struct str (*value)(const struct row *row, size_t column);  /* SQL text; absent: NULL */
    struct str (*name_of)(const struct row *row, const struct ref *ref, struct str id); /* absent: unknown */
    void *names; /* name_of's own */
};

void present_row(struct jw *w, const struct resource *r, enum view view, const struct row *row);

#endif
