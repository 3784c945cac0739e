/* echo: a masked value that comes back in an update, as from a form that shows what was read, stands for what is stored.
 *
 * To tell it from a mistake the record has to be read first, and only then. A mask of another value is refused. Where a mask is null
 * (schema/mask.h), null from who sees no more than that changes nothing. */
#ifndef REST_ECHO_H
#define REST_ECHO_H

#include "rest/lookup.h"
#include "schema/validate.h"

/* If these values of an update depend on what is stored: looks record `id` up, runs the request's flow again, and returns true. */
bool echo_look(struct req *r, const struct statements *s, struct str id, const struct values *v, struct found *ret);

/* Takes the echoes out of `v`, given what echo_look() found; false: r->problem says what is none. `versions`: If-Match, as in struct
 * input; a record of another version is no matter, for it will not be changed. */
bool echo_settle(struct req *r, const struct statements *s, const struct found *stored, const char *versions, struct values *v);

#endif
