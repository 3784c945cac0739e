#include "base/han_latin.h"

#include "base/utf8.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unicode/ustring.h>
#include <unicode/utrans.h>

/* The longest syllable is "zhuang" and its blank, and one Han character never gives more than one syllable; twice that
 * is room for the intermediate form with its tone mark. */
enum { UNITS_PER_HAN = 16 };

/* --- ICU -------------------------------------------------------------------------------------------------------------------- */

static pthread_key_t transliterator_key;

static void transliterator_free(void *t)
{
    utrans_close(t);
}

/* A transliterator is costly to open and not safe to share: one per thread, for the thread's life. NULL without ICU
 * data. */
static UTransliterator *transliterator(void)
{
    UTransliterator *t = pthread_getspecific(transliterator_key);
    if (t) return t;
    UErrorCode e = U_ZERO_ERROR;
    t = utrans_openU(u"Han-Latin; Latin-ASCII", -1, UTRANS_FORWARD, NULL, 0, NULL, &e);
    if (U_FAILURE(e)) return NULL;
    pthread_setspecific(transliterator_key, t);
    return t;
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

/* --- what is known of a character -------------------------------------------------------------------------------------------- */

/* Of the usual characters: 0, its syllable, or NOT_ALONE. */
enum { FIRST = 0x4E00, LAST = 0x9FFF };
#define NOT_ALONE 1u
static _Atomic uint64_t syllables[LAST - FIRST + 1];

static bool is_usual(uint32_t c)
{
    return c >= FIRST && c <= LAST;
}

/* A rule that ICU prints as "[重种] > zhòng;" or "重 > zhòng;" takes a character by itself; of any other, such as "{重}' '?庆 > chóng;", all
 * that it names belong together. */
static bool is_of_one(const UChar *rule, int32_t len)
{
    int32_t end = 1;
    if (*rule == '[')
        while (end < len && rule[end - 1] != ']') end++;
    return end + 1 < len && rule[end] == ' ' && rule[end + 1] == '>';
}

static void take_rule(const UChar *rule, int32_t len)
{
    if (is_of_one(rule, len)) return;
    for (int32_t i = 0; i < len; i++)
        if (is_usual(rule[i])) syllables[rule[i] - FIRST] = NOT_ALONE;
}

static void take_rules(const UChar *text, int32_t len)
{
    while (len > 0) {
        const UChar *end = u_memchr(text, '\n', len);
        int32_t n = end ? (int32_t)(end - text) : len;
        if (n) take_rule(text, n);
        text += n + 1;
        len -= n + 1;
    }
}

/* Without its rules nothing can be known of a character. */
static void know_nothing(void)
{
    for (size_t i = 0; i <= LAST - FIRST; i++) syllables[i] = NOT_ALONE;
}

static void init(void)
{
    pthread_key_create(&transliterator_key, transliterator_free);
    UErrorCode e = U_ZERO_ERROR;
    UTransliterator *t = utrans_openU(u"Han-Latin", -1, UTRANS_FORWARD, NULL, 0, NULL, &e);
    if (U_FAILURE(e)) return know_nothing();
    int32_t len = utrans_toRules(t, false, NULL, 0, &e);
    UChar *text = calloc((size_t)len + 1, sizeof *text);
    if (!text) abort();
    e = U_ZERO_ERROR; /* it was U_BUFFER_OVERFLOW_ERROR */
    utrans_toRules(t, false, text, len + 1, &e);
    if (U_FAILURE(e)) know_nothing();
    else take_rules(text, len);
    free(text);
    utrans_close(t);
}

/* Eight letters at most, the rest 0; NOT_ALONE: it is not a syllable. */
static uint64_t packed(struct str latin)
{
    char letters[8] = { 0 };
    if (!latin.len || latin.len > sizeof letters) return NOT_ALONE;
    for (size_t i = 0; i < latin.len; i++) {
        if (latin.p[i] < 'a' || latin.p[i] > 'z') return NOT_ALONE;
        letters[i] = latin.p[i];
    }
    uint64_t syllable;
    memcpy(&syllable, letters, sizeof syllable);
    return syllable;
}

static uint64_t syllable_of(struct arena *a, struct str text, size_t *ret_len)
{
    uint32_t c = utf8_first(text, ret_len);
    if (!is_usual(c)) return NOT_ALONE;
    uint64_t known = atomic_load_explicit(&syllables[c - FIRST], memory_order_relaxed);
    if (known) return known;
    known = packed(romanize(a, str_sub(text, 0, *ret_len)));
    atomic_store_explicit(&syllables[c - FIRST], known, memory_order_relaxed);
    return known;
}

/* Bytes of the longest front of `han` whose characters are not to be taken alone. */
static size_t not_alone(struct arena *a, struct str han)
{
    size_t len = 0, n;
    while (len < han.len && syllable_of(a, str_sub(han, len, han.len), &n) == NOT_ALONE) len += n;
    return len;
}

void han_latin_add(struct buf *b, struct arena *a, struct str han)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init);
    while (han.len) {
        size_t n;
        uint64_t syllable = syllable_of(a, han, &n);
        if (syllable == NOT_ALONE) {
            n = not_alone(a, han);
            buf_add(b, romanize(a, str_sub(han, 0, n)));
        } else {
            char letters[sizeof syllable];
            memcpy(letters, &syllable, sizeof letters);
            buf_add(b, (struct str){ letters, strnlen(letters, sizeof letters) });
        }
        buf_addc(b, ' ');
        han = str_sub(han, n, han.len);
    }
}
