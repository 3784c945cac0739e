#include "base/utf8.h"

typedef unsigned char byte;

/* RFC 3629, section 4, row by row. Only the second byte has special ranges: they keep out overlong forms,
 * surrogates and what lies above U+10FFFF. */
static const struct form {
    byte first, last; /* of the first byte */
    byte second_min, second_max;
    byte len;
    byte payload; /* bits of the first byte that belong to the code point */
} forms[] = {
    { 0x00, 0x7F, 0x00, 0x00, 1, 0x7F },
    { 0xC2, 0xDF, 0x80, 0xBF, 2, 0x1F },
    { 0xE0, 0xE0, 0xA0, 0xBF, 3, 0x0F },
    { 0xE1, 0xEC, 0x80, 0xBF, 3, 0x0F },
    { 0xED, 0xED, 0x80, 0x9F, 3, 0x0F },
    { 0xEE, 0xEF, 0x80, 0xBF, 3, 0x0F },
    { 0xF0, 0xF0, 0x90, 0xBF, 4, 0x07 },
    { 0xF1, 0xF3, 0x80, 0xBF, 4, 0x07 },
    { 0xF4, 0xF4, 0x80, 0x8F, 4, 0x07 },
};
enum { FORMS = sizeof forms / sizeof forms[0] };

static const struct form *form_of(byte first)
{
    for (int i = 0; i < FORMS; i++)
        if (first >= forms[i].first && first <= forms[i].last) return &forms[i];
    return NULL;
}

static bool is_tail(byte b)
{
    return (b & 0xC0) == 0x80;
}

/* Length of the sequence that starts at `p`; 0 when it is not one. */
static size_t sequence_len(const byte *p, size_t left)
{
    const struct form *f = form_of(p[0]);
    if (!f || left < f->len) return 0;
    if (f->len > 1 && (p[1] < f->second_min || p[1] > f->second_max)) return 0;
    for (size_t i = 2; i < f->len; i++)
        if (!is_tail(p[i])) return 0;
    return f->len;
}

/* Most text is ASCII: eight bytes at a time. */
static size_t ascii_len(struct str s)
{
    size_t i = 0;
    for (uint64_t eight; i + sizeof eight <= s.len; i += sizeof eight) {
        memcpy(&eight, s.p + i, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080)) break;
    }
    while (i < s.len && (byte)s.p[i] < 0x80) i++;
    return i;
}

size_t utf8_valid_len(struct str s)
{
    size_t i = 0;
    while (i < s.len) {
        size_t n = (byte)s.p[i] < 0x80 ? ascii_len(str_sub(s, i, s.len))
                                       : sequence_len((const byte *)s.p + i, s.len - i);
        if (n == 0) break;
        i += n;
    }
    return i;
}

size_t utf8_count(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) n += !is_tail((byte)s.p[i]);
    return n;
}

uint32_t utf8_first(struct str s, size_t *ret_len)
{
    const byte *p = (const byte *)s.p;
    const struct form *f = form_of(p[0]);
    uint32_t c = p[0] & f->payload;
    for (size_t i = 1; i < f->len; i++) c = c << 6 | (p[i] & 0x3F);
    *ret_len = f->len;
    return c;
}

static const struct range {
    uint32_t first, last;
} unprintable[] = {
    { 0x0000, 0x001F }, /* C0 */
    { 0x007F, 0x009F }, /* DEL, C1 */
    { 0x2028, 0x2029 }, /* line and paragraph separator: line ends to JavaScript, not to anybody else */
    { 0xFDD0, 0xFDEF }, /* noncharacters, like the last two of every plane */
};

static bool is_printable(uint32_t c)
{
    for (size_t i = 0; i < sizeof unprintable / sizeof unprintable[0]; i++)
        if (c >= unprintable[i].first && c <= unprintable[i].last) return false;
    return (c & 0xFFFE) != 0xFFFE;
}

bool utf8_printable(struct str s, bool multiline)
{
    if (!utf8_valid(s)) return false;
    for (size_t i = 0, n; i < s.len; i += n) {
        uint32_t c = utf8_first(str_sub(s, i, s.len), &n);
        if (!is_printable(c) && !(multiline && (c == '\n' || c == '\t'))) return false;
    }
    return true;
}
