#include "base/buf.h"

#include "base/block.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

static void data_free(struct buf *b)
{
    if (b->cap == BLOCK_SIZE) block_free(b->data);
    else free(b->data);
}

void buf_done(struct buf *b)
{
    data_free(b);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

/* The first piece of memory is a block; what outgrows it doubles. */
static void grow(struct buf *b, size_t n)
{
    size_t cap = b->cap ? b->cap : BLOCK_SIZE;
    while (cap - b->len < n) cap *= 2;
    bool was_block = b->cap <= BLOCK_SIZE;
    char *data = cap == BLOCK_SIZE ? block_new() : was_block ? malloc(cap) : realloc(b->data, cap);
    if (!data) abort();
    if (was_block && b->len) memcpy(data, b->data, b->len);
    if (was_block) block_free(b->data);
    b->data = data;
    b->cap = cap;
}

/* Room for `n` bytes that count against the maximum, and for `extra` that do not. */
static char *reserve(struct buf *b, size_t n, size_t extra)
{
    if (b->failed || n > b->max - b->len) {
        b->failed = true;
        return NULL;
    }
    if (!b->data || b->cap - b->len < n + extra) grow(b, n + extra);
    return b->data + b->len;
}

char *buf_reserve(struct buf *b, size_t n)
{
    return reserve(b, n, 0);
}

void buf_add(struct buf *b, struct str s)
{
    char *to = s.len ? buf_reserve(b, s.len) : NULL;
    if (!to) return;
    memcpy(to, s.p, s.len);
    b->len += s.len;
}

void buf_addc(struct buf *b, char c)
{
    char *to = buf_reserve(b, 1);
    if (!to) return;
    *to = c;
    b->len++;
}

void buf_addz(struct buf *b, const char *z)
{
    buf_add(b, str_of(z));
}

void buf_addi(struct buf *b, int64_t n)
{
    char text[1 + STR_UINT_MAX], *end = text;
    if (n < 0) *end++ = '-';
    end = str_put_uint(end, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
    buf_add(b, (struct str){ text, (size_t)(end - text) });
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) b->failed = true;
    char *to = b->failed ? NULL : reserve(b, (size_t)n, 1); /* the NUL is not content */
    if (to) {
        vsnprintf(to, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}
