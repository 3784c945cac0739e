#include "base/buf.h"
#include "base/pinyin.h"

#include "unit.h"

#include <pthread.h>

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
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
