/* binding: what a write binds for the fields of a resource: clear, sealed, or indexed. Inside rest only. */
#ifndef REST_BINDING_H
#define REST_BINDING_H

#include "schema/sql.h"
#include "schema/validate.h"

/* Each writable field's value, sealed for record `id` (a UUID) where it is stored so, and its blind index. Texts in the arena. */
void binding_add(struct sql_params *p, struct arena *a, const struct resource *resource, const char *id, const struct values *v);

const char *binding_pinyin(struct arena *a, const struct resource *resource, const struct values *v); /* NULL: unchanged */

/* Bit n: the n-th writable field is given. In decimal. */
const char *binding_given(struct arena *a, const struct resource *resource, const struct values *v);

#endif
