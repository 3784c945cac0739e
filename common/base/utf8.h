/* utf8: validation and counting (Unicode 15, RFC 3629: no surrogates, no overlongs, <= U+10FFFF). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

size_t utf8_valid_len(struct str s); /* bytes of the longest valid prefix: where the first mistake is */
static inline bool utf8_valid(struct str s)
{
    return utf8_valid_len(s) == s.len;
}
size_t utf8_count(struct str s); /* code points; s must be valid */

/* First code point of `s` (valid, not empty) and its length in bytes. */
uint32_t utf8_first(struct str s, size_t *ret_len);

/* Text that a field may hold: valid, no C0/C1 control characters, no U+2028/2029, no noncharacters; '\n' and '\t'
 * when `multiline`. */
bool utf8_printable(struct str s, bool multiline);

#endif
