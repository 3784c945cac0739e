/* fuzz: what every target needs. A target is one function over any bytes; `must` says what holds for all of them.
 *
 * libFuzzer keeps the input that broke a promise; run the target with that file as argument to see it again. The bytes lie in a
 * block of exactly their size, so that AddressSanitizer sees a reader that looks past the end. */
#ifndef FUZZ_H
#define FUZZ_H

#include "base/arena.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define must(condition)                                                               \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                                  \
        }                                                                             \
    } while (0)

static inline struct str fuzz_input(const uint8_t *data, size_t size)
{
    return (struct str){ size ? (const char *)data : "", size };
}

static inline bool lies_in(struct str part, struct str whole)
{
    return part.len == 0 || (part.p >= whole.p && part.p + part.len <= whole.p + whole.len);
}

static inline bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) return true;
    return false;
}

/* RFC 3986 section 2.1; `keep` are the bytes besides letters and digits that stay as they are. */
static inline struct str percent_encode(struct arena *a, struct str s, const char *keep)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_alloc(a, s.len * 3 + 1), *to = out;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (is_plain || (c && strchr(keep, c))) *to++ = (char)c;
        else {
            *to++ = '%';
            *to++ = digits[c >> 4];
            *to++ = digits[c & 15];
        }
    }
    return (struct str){ out, (size_t)(to - out) };
}

#endif
