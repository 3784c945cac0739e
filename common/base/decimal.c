#include "base/decimal.h"

#include <inttypes.h>

enum { WHOLE_DIGITS = 13 }; /* with two decimals, exactly the digits of MONEY_MAX: what fits needs no other check */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads up to `most` digits off the front of `s` into `n`, and says how many. */
static size_t take_digits(struct str *s, size_t most, int64_t *n)
{
    size_t i = 0;
    for (; i < s->len && i < most && is_digit(s->p[i]); i++) *n = *n * 10 + (s->p[i] - '0');
    *s = str_sub(*s, i, s->len);
    return i;
}

static bool take_char(struct str *s, char c)
{
    if (s->len == 0 || s->p[0] != c) return false;
    *s = str_sub(*s, 1, s->len);
    return true;
}

/* JSON: "0", or digits that do not start with 0. */
static bool take_whole(struct str *s, int64_t *n)
{
    bool zero = s->len && s->p[0] == '0';
    return take_digits(s, zero ? 1 : WHOLE_DIGITS, n) > 0;
}

static bool take_decimals(struct str *s, size_t most, int64_t *n)
{
    size_t digits = 0;
    if (take_char(s, '.') && (digits = take_digits(s, most, n)) == 0) return false;
    for (; digits < most; digits++) *n *= 10;
    return true;
}

static bool read_scaled(struct str literal, size_t decimals, int64_t *ret)
{
    int64_t n = 0;
    bool negative = take_char(&literal, '-');
    if (!take_whole(&literal, &n) || !take_decimals(&literal, decimals, &n) || literal.len) return false;
    *ret = negative ? -n : n;
    return true;
}

static uint64_t magnitude(int64_t n)
{
    return n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
}

bool money_read(struct str literal, int64_t *ret_fen)
{
    return read_scaled(literal, 2, ret_fen);
}

void money_write(struct buf *b, int64_t fen)
{
    uint64_t u = magnitude(fen);
    buf_addf(b, "%s%" PRIu64 ".%02u", fen < 0 ? "-" : "", u / 100, (unsigned)(u % 100));
}

bool quantity_read(struct str literal, int64_t *ret_thousandths)
{
    return read_scaled(literal, 3, ret_thousandths);
}

void quantity_write(struct buf *b, int64_t thousandths)
{
    uint64_t u = magnitude(thousandths);
    buf_addf(b, "%s%" PRIu64 ".%03u", thousandths < 0 ? "-" : "", u / 1000, (unsigned)(u % 1000));
}

/* round-half-up(a * b / divisor), half away from zero; the product of two int64 always fits 128 bits. */
static bool scaled_product(int64_t a, int64_t b, int divisor, int64_t *ret)
{
    __int128 product = (__int128)a * b;
    int half = product < 0 ? -(divisor / 2) : divisor / 2;
    __int128 rounded = (product + half) / divisor;
    if (rounded > MONEY_MAX || rounded < -MONEY_MAX) return false;
    *ret = (int64_t)rounded;
    return true;
}

bool money_times(int64_t thousandths, int64_t fen, int64_t *ret_fen)
{
    return scaled_product(thousandths, fen, 1000, ret_fen);
}

bool money_percent(int64_t fen, int64_t hundredths_percent, int64_t *ret_fen)
{
    return scaled_product(fen, hundredths_percent, 100 * 100, ret_fen);
}
