/* buf: a growing byte buffer with a mandatory maximum.
 *
 * What does not fit sets `failed` and is dropped; `failed` sticks, so ten appends need one buf_ok(). */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
    char *data;
    size_t len, cap, max;
    bool failed;
};

void buf_init(struct buf *b, size_t max); /* bytes; allocates nothing yet */
void buf_done(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory and the maximum */

void buf_add(struct buf *b, struct str s);
void buf_addc(struct buf *b, char c);
void buf_addz(struct buf *b, const char *z);
void buf_addi(struct buf *b, int64_t n); /* decimal */
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for `n` more bytes, to be filled by the caller and counted with buf_grown(); NULL when it does not fit. */
char *buf_reserve(struct buf *b, size_t n);
static inline void buf_grown(struct buf *b, size_t n)
{
    b->len += n;
}
static inline bool buf_ok(const struct buf *b)
{
    return !b->failed;
}
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){ b->data ? b->data : "", b->len };
}

#endif
