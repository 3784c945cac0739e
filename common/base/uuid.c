#include "base/uuid.h"

#include "base/percent.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

void random_bytes(void *out, size_t n)
{
    char *to = out;
    while (n) {
        ssize_t got = getrandom(to, n, 0);
        if (got < 0 && errno != EINTR) abort();
        if (got > 0) to += got, n -= (size_t)got;
    }
}

/* Milliseconds since 1970 in the upper 48 bits, 1/4096 ms in the lower 12 (RFC 9562, section 6.2, method 3); one more
 * than the last when the clock has not moved or went back. */
static uint64_t next_tick(void)
{
    static _Thread_local uint64_t last;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    uint64_t ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    uint64_t tick = ms << 12 | ((uint64_t)t.tv_nsec % 1000000) * 4096 / 1000000;
    return last = tick > last ? tick : last + 1;
}

/* Sixteen random bytes out of a thread's store: one system call for many identifiers. */
static void chance(unsigned char b[16])
{
    static _Thread_local unsigned char store[4096];
    static _Thread_local size_t left;
    if (!left) random_bytes(store, left = sizeof store);
    left -= 16;
    memcpy(b, store + left, 16);
    memset(store + left, 0, 16);
}

/* 48 bits of time, version 7, 12 bits of time, variant 10, 62 bits of chance (RFC 9562, section 5.7). */
static void v7_bytes(unsigned char b[16])
{
    uint64_t tick = next_tick();
    chance(b);
    for (int i = 0; i < 6; i++) b[i] = (unsigned char)(tick >> (52 - 8 * i));
    b[6] = (unsigned char)(0x70 | (tick >> 8 & 0x0F));
    b[7] = (unsigned char)tick;
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3F));
}

static bool dash_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

void uuid_text(const unsigned char b[UUID_BYTES], char out[UUID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *to = out;
    for (int i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
        *to++ = digits[b[i] >> 4];
        *to++ = digits[b[i] & 0x0F];
    }
    *to = 0;
}

void uuid_v7(char out[UUID_LEN + 1])
{
    unsigned char b[UUID_BYTES];
    v7_bytes(b);
    uuid_text(b, out);
}

bool uuid_valid(struct str s)
{
    if (s.len != UUID_LEN) return false;
    for (size_t i = 0; i < s.len; i++)
        if (dash_at(i) ? s.p[i] != '-' : hex_digit(s.p[i]) < 0) return false;
    return true;
}

bool uuid_bytes(struct str s, unsigned char out[UUID_BYTES])
{
    int bad = s.len != UUID_LEN;
    for (size_t i = 0, n = 0; !bad && n < UUID_BYTES; i += 2, n++) {
        if (dash_at(i) && s.p[i++] != '-') return false;
        int high = hex_digit(s.p[i]), low = hex_digit(s.p[i + 1]);
        bad = high < 0 || low < 0;
        out[n] = (unsigned char)(high << 4 | low);
    }
    return !bad;
}
