/* fingerprint: what a second request with the same Idempotency-Key must equal: method, path and body.
 *
 * PostgreSQL keeps a quick digest of it for a day, a keyed one where values are stored encrypted. A value that is stored as a slow
 * hash only must not be part of that: where a resource has a write-only field, the body counts by the values of its other fields. */
#ifndef REST_FINGERPRINT_H
#define REST_FINGERPRINT_H

#include "http/req.h"
#include "schema/validate.h"

/* Text in the request's arena. `body`: what the body was read by, which `v` are the values of; NULL: there is none. */
const char *fingerprint_of(struct req *r, const struct resource *resource, const struct resource *body, const struct values *v);

#endif
