/* base64: the URL-safe alphabet without padding (RFC 4648 section 5), as JWT, JWK and cursors use it. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/arena.h"

struct str base64url_encode(struct arena *a, struct str bytes);
bool base64url_decode(struct arena *a, struct str text, struct str *ret); /* false: padding, other characters, loose end bits */

#endif
