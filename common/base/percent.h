/* percent: percent-encoding (RFC 3986 section 2.1) and hexadecimal digits. */
#ifndef BASE_PERCENT_H
#define BASE_PERCENT_H

#include "base/arena.h"

extern const signed char hex_digits[256];
static inline int hex_digit(char c) /* 0-15; -1: none */
{
    return hex_digits[(unsigned char)c];
}

/* Decodes once. With `plus_is_space` as HTML forms do (WHATWG URL, application/x-www-form-urlencoded). false: a '%' without
 * two digits. The result may hold any byte. */
bool percent_decode(struct arena *a, struct str in, bool plus_is_space, struct str *ret);

/* A path for a request line: what RFC 3986 section 3.3 does not allow in a segment is encoded, '/' stays. Itself
 * when there is nothing to do. */
struct str percent_encode_path(struct arena *a, struct str path);

#endif
