#include "base/base64.h"

#include "unit.h"

static void test_both_ways(void **state)
{
    (void)state;
    static const struct {
        struct str bytes, text;
    } cases[] = {
        /* RFC 4648 section 10, without padding, and the two extra digits */
        { STR(""), STR("") },
        { STR("f"), STR("Zg") },
        { STR("fo"), STR("Zm8") },
        { STR("foo"), STR("Zm9v") },
        { STR("foob"), STR("Zm9vYg") },
        { STR("fooba"), STR("Zm9vYmE") },
        { STR("foobar"), STR("Zm9vYmFy") },
        { STR("\xfb\xff\xfe"), STR("-__-") },
        { STR("\0\0\0"), STR("AAAA") },
        { STR("\0"), STR("AA") },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        arena_init(&a);
        struct str back;
        expect(str_eq(base64url_encode(&a, cases[i].bytes), cases[i].text), "%s", cases[i].text.p);
        expect(base64url_decode(&a, cases[i].text, &back) && str_eq(back, cases[i].bytes), "%s", cases[i].text.p);
        arena_done(&a);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct str cases[] = {
        STR("A"),
        STR("AAAAA"),
        STR("Zg=="),
        STR("Zm8="),
        STR("="),
        STR("Zm9v\n"),
        STR(" Zm9v"),
        STR("Zm 9v"),
        STR("+/+/"),
        STR("Zm9\0"),
        STR("Zm9v.Zg"),
        STR("\xe5\x8c\x97"
            "A"),
        STR("Zh"),
        STR("Zm9"),
        STR("AB"),
        STR("AAB"), /* bits left over */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        arena_init(&a);
        struct str back;
        expect(!base64url_decode(&a, cases[i], &back), "%s", cases[i].p);
        arena_done(&a);
    }
}

static void test_random_bytes_come_back(void **state)
{
    (void)state;
    for (size_t len = 0; len < 300; len++) {
        struct arena a;
        arena_init(&a);
        char *bytes = arena_alloc(&a, len + 1);
        struct str in = { bytes, len }, back, text;
        for (size_t i = 0; i < len; i++) bytes[i] = (char)unit_random();
        text = base64url_encode(&a, in);
        assert_int_equal(text.len, (len * 4 + 2) / 3);
        assert_true(base64url_decode(&a, text, &back) && str_eq(in, back));
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways), cmocka_unit_test(test_refused), cmocka_unit_test(test_random_bytes_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
