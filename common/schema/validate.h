/* validate: a JSON body against the field table of a resource. All bad fields are reported at once. */
#ifndef SCHEMA_VALIDATE_H
#define SCHEMA_VALIDATE_H

#include "base/err.h"
#include "json/json_read.h"
#include "schema/schema.h"

enum { FIELDS_MAX = 64 };
enum write_kind { WRITE_CREATE, WRITE_UPDATE, WRITE_ROW };

struct values {
    const char *text[FIELDS_MAX]; /* SQL text by field index; NULL: SQL NULL or not given */
    uint64_t given;               /* bit per field index */
    uint64_t masked;              /* not given: came as a mask (text), which stands for what is stored if it is the mask of that */
};

/* Fills `v` (texts in the arena). false: `p` says why.
 * Create: required fields must be there, absent ones get their fallback, read-only ones are an error.
 * Update: absent is unchanged, null clears, read-only ones are ignored so that a client may send back what it read, and so
 * masks are left to who knows what is stored.
 * Row (of T_ITEMS, which are written as a whole): required fields must be there, absent ones get their fallback, read-only ones are
 * ignored. Its faults are named `<field>[<index>].<field of the row>`. */
bool validate_body(struct arena *a, const struct resource *r, const struct json *body, enum write_kind kind, struct values *v,
                   struct problem *p);

#endif
