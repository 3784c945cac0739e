/* cursor: where a list goes on, as an opaque signed text: sort, direction and the last row's position. */
#ifndef REST_CURSOR_H
#define REST_CURSOR_H

#include "schema/query.h"

void cursor_set_secret(struct str secret);

struct str cursor_make(struct arena *a, const struct resource *r, const struct list_query *q, struct str value, struct str id);

/* The position in q->cursor; false: forged, damaged, or made for another sort. */
bool cursor_read(struct arena *a, const struct resource *r, const struct list_query *q, struct str *ret_value,
                 struct str *ret_id);

#endif
