#include "base/pinyin.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <pthread.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utrans.h>

/* The longest syllable is "zhuang" and its blank, and one Han character never gives more than one syllable; twice that
 * is room for the intermediate form with its tone mark. */
enum { UNITS_PER_HAN = 16 };

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

/* "北京" -> "bei jing"; "" when ICU refuses. */
static struct str romanize(struct arena *a, struct str han)
{
    UTransliterator *t = transliterator();
    UErrorCode e = U_ZERO_ERROR;
    int32_t cap = (int32_t)utf8_count(han) * UNITS_PER_HAN, len = 0;
    UChar *text = arena_array(a, UChar, (size_t)cap);
    u_strFromUTF8(text, cap, &len, han.p, (int32_t)han.len, &e);
    int32_t limit = len;
    if (t) utrans_transUChars(t, text, &len, cap, 0, &limit, &e);
    char *latin = arena_alloc(a, (size_t)len * 3 + 1);
    int32_t bytes = 0;
    u_strToUTF8(latin, len * 3 + 1, &bytes, text, len, &e);
    return t && U_SUCCESS(e) ? (struct str){ latin, (size_t)bytes } : STR("");
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

struct str pinyin_of(struct arena *a, struct str text)
{
    struct buf full, initials;
    bool han, chinese = false;
    buf_init(&full, text.len * UNITS_PER_HAN);
    buf_init(&initials, text.len * UNITS_PER_HAN);
    while (text.len) {
        struct str run = cut_run(&text, &han);
        add_run(&full, &initials, han ? romanize(a, run) : run, han);
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
