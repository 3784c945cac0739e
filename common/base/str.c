#include "base/str.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool str_ieq(struct str a, struct str b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.p[i]) != lower(b.p[i])) return false;
    return true;
}

bool str_has_prefix(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_sub(s, 0, prefix.len), prefix);
}

bool str_has_suffix(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, s.len), suffix);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len && is_blank(s.p[0])) s.p++, s.len--;
    while (s.len && is_blank(s.p[s.len - 1])) s.len--;
    return s;
}

struct str str_cut(struct str *rest, char sep)
{
    struct str all = *rest;
    const char *at = all.len ? memchr(all.p, sep, all.len) : NULL;
    if (!at) {
        *rest = STR_NONE;
        return all;
    }
    size_t n = (size_t)(at - all.p);
    *rest = str_sub(all, n + 1, all.len);
    return str_sub(all, 0, n);
}

/* Eight bytes at a time: an access token is a kilobyte of such. */
size_t str_clean_span(struct str s)
{
    static const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    size_t n = 0;
    for (; s.len - n >= 8; n += 8) {
        uint64_t word, del;
        memcpy(&word, s.p + n, 8);
        del = word ^ 0x7f * ones;
        if ((((word - 0x20 * ones) & ~word) | ((del - ones) & ~del)) & tops) break;
    }
    return n;
}

char *str_put(char *to, struct str s)
{
    if (s.len) memcpy(to, s.p, s.len);
    return to + s.len;
}

char *str_put_uint(char *to, uint64_t n)
{
    char digits[STR_UINT_MAX], *end = digits + sizeof digits, *p = end;
    do *--p = (char)('0' + n % 10);
    while (n /= 10);
    return str_put(to, (struct str){ p, (size_t)(end - p) });
}

bool str_to_i64(struct str s, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = s.len && s.p[0] == '-';
    size_t i = negative;
    if (i == s.len) return false;
    int64_t n = 0;
    for (; i < s.len; i++) {
        int digit = s.p[i] - '0';
        if (digit < 0 || digit > 9) return false;
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, negative ? -digit : digit, &n)) return false;
    }
    if (n < min || n > max) return false;
    *ret = n;
    return true;
}

static uint64_t mix(uint64_t h, const char *p, size_t n)
{
    uint64_t word = 0;
    memcpy(&word, p, n);
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

/* Four lanes of eight bytes, so that the multiplications overlap: representations of a kilobyte are hashed on every read. */
uint64_t str_hash(struct str s)
{
    uint64_t lane[4] = { 0xcbf29ce484222325u ^ s.len, 1, 2, 3 };
    for (; s.len >= 32; s = str_sub(s, 32, s.len))
        for (int i = 0; i < 4; i++) lane[i] = mix(lane[i], s.p + 8 * i, 8);
    for (; s.len >= 8; s = str_sub(s, 8, s.len)) lane[0] = mix(lane[0], s.p, 8);
    if (s.len) lane[1] = mix(lane[1], s.p, s.len);
    for (int i = 1; i < 4; i++) lane[0] = mix(lane[0], (const char *)&lane[i], 8);
    return lane[0];
}
