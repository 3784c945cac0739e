#include "base/pinyin.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utrans.h>

/* The longest syllable is "zhuang"; twice that and more is room for ICU's intermediate form with its tone mark. */
enum { SYLLABLE_UNITS = 16, SYLLABLE_BYTES = 3 * SYLLABLE_UNITS + 1, SYLLABLE_MAX = 7 };

/* ICU takes some 20 us for a character, so each of the usual ones (CJK Unified Ideographs and their extension A) is asked for once: its
 * letters from the lowest byte of a cell on, and KNOWN. Threads may fill a cell at once, with the same. */
enum { KEPT_FIRST = 0x3400, KEPT_LAST = 0x9fff };
#define KNOWN ((uint64_t)1 << 63)
static _Atomic uint64_t kept[KEPT_LAST - KEPT_FIRST + 1];

static pthread_key_t transliterator_key;

static void transliterator_free(void *t)
{
    utrans_close(t);
}

static void key_init(void)
{
    pthread_key_create(&transliterator_key, transliterator_free);
}

/* A transliterator is costly to open and not safe to share: one per thread, for the thread's life. NULL without ICU
 * data. */
static UTransliterator *transliterator(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, key_init);
    UTransliterator *t = pthread_getspecific(transliterator_key);
    if (t) return t;
    UErrorCode e = U_ZERO_ERROR;
    t = utrans_openU(u"Han-Latin; Latin-ASCII", -1, UTRANS_FORWARD, NULL, 0, NULL, &e);
    if (U_FAILURE(e)) return NULL;
    pthread_setspecific(transliterator_key, t);
    return t;
}

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

/* Of one Han character, as a cell has it; without letters when ICU refuses. */
static uint64_t syllable_of(struct str han)
{
    UTransliterator *t = transliterator();
    UErrorCode e = U_ZERO_ERROR;
    UChar text[SYLLABLE_UNITS];
    char latin[SYLLABLE_BYTES];
    int32_t len = 0, bytes = 0;
    u_strFromUTF8(text, SYLLABLE_UNITS, &len, han.p, (int32_t)han.len, &e);
    int32_t limit = len;
    if (t) utrans_transUChars(t, text, &len, SYLLABLE_UNITS, 0, &limit, &e);
    u_strToUTF8(latin, sizeof latin, &bytes, text, len, &e);
    uint64_t cell = KNOWN;
    if (!t || U_FAILURE(e)) return cell;
    for (int i = 0, n = 0; i < bytes && n < SYLLABLE_MAX; i++)
        if (plain(latin[i])) cell |= (uint64_t)plain(latin[i]) << 8 * n++;
    return cell;
}

static uint64_t syllable(struct str han)
{
    size_t n;
    uint32_t c = utf8_first(han, &n);
    if (c < KEPT_FIRST || c > KEPT_LAST) return syllable_of(han);
    _Atomic uint64_t *cell = &kept[c - KEPT_FIRST];
    uint64_t known = atomic_load_explicit(cell, memory_order_relaxed);
    if (known) return known;
    known = syllable_of(han);
    atomic_store_explicit(cell, known, memory_order_relaxed);
    return known;
}

/* Adds what can be typed. Of Chinese, the first letter of every syllable is an initial; of anything else, all of it:
 * who looks for 北京ABC公司 types "bjabcgs". */
static void add_han(struct buf *full, struct buf *initials, struct str han)
{
    for (size_t n; han.len; str_take(&han, n)) {
        utf8_first(han, &n);
        uint64_t letters = syllable(str_sub(han, 0, n)) & ~KNOWN;
        if (letters) buf_addc(initials, (char)(letters & 0xff));
        for (; letters; letters >>= 8) buf_addc(full, (char)(letters & 0xff));
    }
}

static void add_plain(struct buf *full, struct buf *initials, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = plain(text.p[i]);
        if (!c) continue;
        buf_addc(full, c);
        buf_addc(initials, c);
    }
}

struct str pinyin_of(struct arena *a, struct str text)
{
    struct buf full, initials;
    bool han, chinese = false;
    buf_init(&full, text.len * SYLLABLE_UNITS);
    buf_init(&initials, text.len * SYLLABLE_UNITS);
    while (text.len) {
        struct str run = cut_run(&text, &han);
        (han ? add_han : add_plain)(&full, &initials, run);
        chinese |= han;
    }
    struct str both = STR("");
    if (chinese && full.len) {
        struct str f = buf_str(&full), i = buf_str(&initials);
        both = arena_printf(a, "%.*s %.*s", STR_ARG(f), STR_ARG(i));
    }
    buf_done(&full);
    buf_done(&initials);
    return both;
}
