/* property_read: one property of a JSON Schema as one field. The tables in property_read.c say which JSON Schema
 * spelling means which field type, and which keyword means which flag. */
#ifndef GENERATOR_PROPERTY_READ_H
#define GENERATOR_PROPERTY_READ_H

#include "model.h"

void property_read(const struct model *m, const struct schema *s, struct property *p, const cJSON *json);

/* What needs the other properties: "x-from". */
void property_resolve(const struct schema *s, struct property *p);

/* Refuses unknown keywords in a schema that only describes a reply. */
void document_check(const char *file, const cJSON *schema);

#endif
