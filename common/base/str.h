/* str: a slice of bytes that somebody else owns.
 *
 * Passed by value, never NUL-terminated by contract. {NULL, 0} is "absent" (SQL NULL, missing header);
 * {"", 0} is "present and empty". Nothing here allocates. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t len;
};

#define STR(literal)     ((struct str){ (literal), sizeof(literal) - 1 })
#define STR_NONE         ((struct str){ NULL, 0 })
#define STR_ARG(s)       (int)(s).len, (s).p /* for "%.*s"; evaluates s twice */

static inline struct str str_of(const char *z)
{
    return z ? (struct str){ z, strlen(z) } : STR_NONE;
}
static inline bool str_is_none(struct str s)
{
    return s.p == NULL;
}
static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}
static inline bool str_is(struct str s, const char *z)
{
    return str_eq(s, str_of(z));
}
static inline struct str str_sub(struct str s, size_t from, size_t to)
{
    return (struct str){ s.p + from, to - from };
}

/* The first n bytes, cut off `rest`. */
static inline struct str str_take(struct str *rest, size_t n)
{
    struct str front = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->len);
    return front;
}

bool str_ieq(struct str a, struct str b); /* ASCII case-insensitive */
bool str_has_prefix(struct str s, struct str prefix);
bool str_has_suffix(struct str s, struct str suffix);
struct str str_trim(struct str s); /* spaces and tabs at both ends */

size_t str_clean_span(struct str s); /* bytes before the first control character or DEL, perhaps a few less */

/* Cuts the part before the first `sep` off `rest` and returns it; without `sep`, all of it. `rest` becomes absent
 * after the last part, so `while (!str_is_none(rest))` visits every part, empty ones too. */
struct str str_cut(struct str *rest, char sep);

/* Decimal digits with an optional '-', the whole slice, within [min, max]. */
bool str_to_i64(struct str s, int64_t min, int64_t max, int64_t *ret);

enum { STR_UINT_MAX = 20 /* digits */ };
char *str_put_uint(char *to, uint64_t n);     /* in decimal; its end. No NUL */
char *str_put(char *to, struct str s);        /* its end. No NUL */

/* 64 bits, for hash tables and ETags: not for secrets, and not the same on machines of other byte order. */
uint64_t str_hash(struct str s);

#endif
