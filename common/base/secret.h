/* secret: is this text fit to be a key that signs? Not a proof of randomness: it refuses what people put in to get started. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/str.h"

enum { SECRET_MIN = 32 /* bytes: RFC 7518 section 3.2 */ };

const char *secret_weakness(struct str secret); /* NULL: none; else what it is, static, never the secret */

#endif
