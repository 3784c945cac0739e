/* event_data: what an event tells of a record. Inside rest only.
 *
 * To everybody the columns that are not secret; to who may see the resource's records unmasked, secrets that are not sealed, too. */
#ifndef REST_EVENT_DATA_H
#define REST_EVENT_DATA_H

#include "base/buf.h"
#include "schema/schema.h"

/* Appends the expression. `image`: the record as jsonb; `clear`: the parameter that names the resources whose secrets the reader may see,
 * which is not used when the resource has none. */
void event_data_add(struct buf *b, const char *image, const struct resource *r, const char *clear);

bool event_data_has_secrets(const struct resource *r); /* that are not sealed */

#endif
