/* present: a stored row as JSON. The one place where values leave for a client, and so the one where they are masked. */
#ifndef SCHEMA_PRESENT_H
#define SCHEMA_PRESENT_H

#include "json/json_write.h"
#include "schema/schema.h"

/* A row, whatever holds it. Fields are named by their index. */
struct row {
    struct str (*value)(const struct row *row, int field);   /* text, as the type prints it; absent: NULL */
    struct str (*name_of)(const struct row *row, int field); /* of a joined field; absent: unknown */
    bool in_clear;                                           /* the reader may see F_SECRET fields; else their masks (schema/mask.h) */
};

void present_fields(struct jw *w, const struct resource *r, const struct field_list *list, const struct row *row);
void present_row(struct jw *w, const struct resource *r, enum view view, const struct row *row);

#endif
