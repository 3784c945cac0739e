#include "base/pinyin.h"

#include "base/han_latin.h"
#include "base/utf8.h"

#include <unicode/uscript.h>

static bool is_han(uint32_t c)
{
    UErrorCode e = U_ZERO_ERROR;
    return c >= 0x80 && uscript_getScript((UChar32)c, &e) == USCRIPT_HAN;
}

/* Cuts the longest front of `s` that is all Han, or all something else. */
static struct str cut_run(struct str *s, bool *ret_han)
{
    struct str all = *s;
    size_t n;
    *ret_han = is_han(utf8_first(all, &n));
    size_t i = n;
    while (i < all.len && is_han(utf8_first(str_sub(all, i, all.len), &n)) == *ret_han) i += n;
    *s = str_sub(all, i, all.len);
    return str_sub(all, 0, i);
}

static char plain(char c)
{
    if (c >= 'A' && c <= 'Z') return (char)(c | 0x20);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : 0;
}

/* Adds what can be typed. Of Chinese, the first letter of every syllable is an initial; of anything else, all of it:
 * who looks for 北京ABC公司 types "bjabcgs". */
static void add_run(struct buf *full, struct buf *initials, struct str latin, bool han)
{
    bool starts = true;
    for (size_t i = 0; i < latin.len; i++) {
        char c = plain(latin.p[i]);
        if (c) buf_addc(full, c);
        if (c && (starts || !han)) buf_addc(initials, c);
        starts = !c;
    }
}

enum { LATIN_PER_BYTE = 4 }; /* "zhuang " for three */

struct str pinyin_of(struct arena *a, struct str text)
{
    struct buf full, initials, latin;
    bool han, chinese = false;
    buf_init(&full, text.len * LATIN_PER_BYTE);
    buf_init(&initials, text.len * LATIN_PER_BYTE);
    buf_init(&latin, text.len * LATIN_PER_BYTE);
    while (text.len) {
        struct str run = cut_run(&text, &han);
        buf_clear(&latin);
        if (han) han_latin_add(&latin, a, run);
        add_run(&full, &initials, han ? buf_str(&latin) : run, han);
        chinese |= han;
    }
    struct str both = STR("");
    if (chinese && full.len) {
        struct str f = buf_str(&full), i = buf_str(&initials);
        both = arena_printf(a, "%.*s %.*s", STR_ARG(f), STR_ARG(i));
    }
    buf_done(&full);
    buf_done(&initials);
    buf_done(&latin);
    return both;
}
