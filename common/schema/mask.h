/* mask: what is shown of a secret value (F_SECRET) to who may not see it (requirement document, section 6.2):
 *
 *   phone    138****8000; shorter than eleven characters: ****
 *   e-mail   c***@example.com
 *   text     an address keeps its province and city: 广东省深圳市***; anything else: ***
 *   others   nothing: null
 *
 * Every mask but null holds MASK_MARK, which no real value does: one that comes back in a write is known by it. */
#ifndef SCHEMA_MASK_H
#define SCHEMA_MASK_H

#include "schema/schema.h"

#define MASK_MARK "***"
enum { MASK_MAX = 320 }; /* bytes */

/* `clear` absent: so is its mask. The mask may lie in `room`. */
struct str mask(const struct field *f, struct str clear, char room[MASK_MAX]);

bool mask_is_null(const struct field *f); /* of this field's values nothing is shown, not even a mark */
bool mask_marks(const struct field *f, struct str value); /* is `value`, as given in a write, a mask? */

#endif
