#include "base/buf.h"
#include "base/han_latin.h"
#include "base/pinyin.h"

#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <unicode/ustring.h>
#include <unicode/utrans.h>

static void test_pinyin(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "北京药业", "beijingyaoye bjyy" },
        { "北京", "beijing bj" },
        { "药", "yao y" },
        { "銀行", "yinxing yx" },                           /* traditional */
        { "北京ABC公司", "beijingabcgongsi bjabcgs" },
        { "3M中国", "3mzhongguo 3mzg" },
        { "上海 浦东（集团）", "shanghaipudongjituan shpdjt" }, /* blanks and brackets are not typed */
        { "绿叶", "luye ly" },                              /* ü */
        { "张三-李四", "zhangsanlisi zsls" },
        { "", "" },
        { "Acme Ltd", "" },
        { "123", "" },
        { "café", "" },
        { "カタカナ", "" },
        { "한국", "" },
        { "😀", "" },
        { "😀药", "yao y" },
        { "西安", "xian xa" },
        { "重庆", "chongqing cq" },                         /* characters that have another reading side by side */
        { "重工", "zhonggong zg" },
        { "大重庆沈阳西藏文化", "dachongqingshenyangxizangwenhua dcqsyxzwh" },
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str got = pinyin_of(&a, str_of(cases[i].text));
        expect(str_is(got, cases[i].want), "\"%s\": \"%s\"", cases[i].text, got.p);
    }
    arena_done(&a);
}

static void test_long_text(void **state)
{
    (void)state;
    struct arena a;
    struct buf b;
    arena_init(&a);
    buf_init(&b, 100000);
    for (int i = 0; i < 5000; i++) buf_addz(&b, "\xE5\xBA\x84"); /* 庄: zhuang */
    struct str got = pinyin_of(&a, buf_str(&b));
    assert_int_equal(got.len, 5000 * 6 + 1 + 5000);
    assert_true(str_has_prefix(got, STR("zhuangzhuang")));
    buf_done(&b);
    arena_done(&a);
}

/* Every CJK character must come back as something typeable, and within the room that pinyin.c leaves for it. */
static void test_every_common_character(void **state)
{
    (void)state;
    int silent = 0;
    for (uint32_t c = 0x4E00; c <= 0x9FA5; c++) {
        struct arena a;
        arena_init(&a);
        char bytes[] = { (char)(0xE0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3F)), (char)(0x80 | (c & 0x3F)) };
        struct str got = pinyin_of(&a, (struct str){ bytes, sizeof bytes });
        silent += got.len == 0;
        expect(got.len <= 16, "U+%04X: %.*s", c, STR_ARG(got));
        arena_done(&a);
    }
    expect(silent < 100, "%d characters without a reading", silent);
}

/* --- beside ICU itself -------------------------------------------------------------------------------------------------- */

/* Letters, and a blank for whatever is between them. */
static struct str syllables(struct arena *a, struct str latin)
{
    struct str to = { arena_alloc(a, latin.len + 1), 0 };
    char *p = (char *)to.p;
    for (size_t i = 0; i < latin.len; i++) {
        bool is_letter = (latin.p[i] | 0x20) >= 'a' && (latin.p[i] | 0x20) <= 'z';
        if (is_letter) p[to.len++] = (char)(latin.p[i] | 0x20);
        else if (to.len && p[to.len - 1] != ' ') p[to.len++] = ' ';
    }
    while (to.len && p[to.len - 1] == ' ') to.len--;
    return to;
}

/* 1 to 12 characters, half of them of those that ICU's rules name together, and others that mean most there. */
static int32_t random_run(UChar *text)
{
    static const UChar together[] = u"藏文重庆沈阳秘鲁长行乐会都单曾盖区仇查解任员尉〇々";
    int32_t len = 1 + rand() % 12;
    for (int32_t i = 0; i < len; i++)
        text[i] = rand() % 2 ? together[rand() % (COUNT(together) - 1)] : (UChar)(0x4E00 + rand() % (0x9FA6 - 0x4E00));
    return len;
}

static void test_runs_are_as_icu_has_them(void **state)
{
    (void)state;
    UErrorCode e = U_ZERO_ERROR;
    UTransliterator *t = utrans_openU(u"Han-Latin; Latin-ASCII", -1, UTRANS_FORWARD, NULL, 0, NULL, &e);
    assert_true(U_SUCCESS(e));
    srand(1);
    for (int n = 0; n < 20000; n++) {
        struct arena a;
        struct buf b;
        arena_init(&a);
        buf_init(&b, 1000);
        UChar text[400];
        char han[100], latin[1000];
        int32_t len = random_run(text), bytes, limit;
        u_strToUTF8(han, sizeof han, &bytes, text, len, &e);
        han_latin_add(&b, &a, (struct str){ han, (size_t)bytes });
        limit = len;
        utrans_transUChars(t, text, &len, COUNT(text), 0, &limit, &e);
        u_strToUTF8(latin, sizeof latin, &bytes, text, len, &e);
        assert_true(U_SUCCESS(e));
        struct str got = syllables(&a, buf_str(&b)), want = syllables(&a, (struct str){ latin, (size_t)bytes });
        expect(str_eq(got, want), "%s: \"%.*s\", and ICU has \"%.*s\"", han, STR_ARG(got), STR_ARG(want));
        buf_done(&b);
        arena_done(&a);
    }
    utrans_close(t);
}

/* --- threads ------------------------------------------------------------------------------------------------------------- */

static void *romanize(void *ok)
{
    struct arena a;
    arena_init(&a);
    bool all = true;
    for (int i = 0; i < 200; i++) all &= str_is(pinyin_of(&a, STR("北京药业")), "beijingyaoye bjyy");
    *(bool *)ok = all;
    arena_done(&a);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    bool ok[COUNT(threads)] = { false };
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, romanize, &ok[i]), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
        expect(ok[i], "thread %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pinyin), cmocka_unit_test(test_long_text), cmocka_unit_test(test_every_common_character),
        cmocka_unit_test(test_runs_are_as_icu_has_them), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
