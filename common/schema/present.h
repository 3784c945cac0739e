/* present: a stored row as JSON. The one place where values leave for a client, and so the one where they can be masked. */
#ifndef SCHEMA_PRESENT_H
#define SCHEMA_PRESENT_H

#include "json/json_write.h"
#include "schema/schema.h"

/* A row, whatever holds it. Fields are named by their index. */
struct row {
    struct str (*value)(const struct row *row, int field);   /* text, as the type prints it; absent: NULL */
    struct str (*name_of)(const struct row *row, int field); /* of a joined field; absent: unknown */
};

void present_row(struct jw *w, const struct resource *r, enum view view, const struct row *row);

#endif
