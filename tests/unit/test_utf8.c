#include "base/utf8.h"

#include "unit.h"

static void test_valid(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t valid, count; /* valid: bytes up to the first mistake; count: code points of those */
    } cases[] = {
        { "", 0, 0 },
        { "abc", 3, 3 },
        { "eight+ characters of ASCII", 26, 26 },
        { "北京", 6, 2 },
        { "\x7F", 1, 1 },
        { "\xC2\x80", 2, 1 },
        { "\xDF\xBF", 2, 1 },
        { "\xE0\xA0\x80", 3, 1 },
        { "\xED\x9F\xBF", 3, 1 },
        { "\xEE\x80\x80", 3, 1 },
        { "\xEF\xBF\xBF", 3, 1 },
        { "\xF0\x90\x80\x80", 4, 1 },
        { "\xF4\x8F\xBF\xBF", 4, 1 },
        { "\x80", 0, 0 },                 /* tail alone */
        { "a\xBFz", 1, 1 },
        { "\xC0\x80", 0, 0 },             /* overlong NUL */
        { "\xC1\xBF", 0, 0 },
        { "\xE0\x9F\xBF", 0, 0 },
        { "\xF0\x8F\xBF\xBF", 0, 0 },
        { "\xED\xA0\x80", 0, 0 },         /* U+D800 */
        { "\xED\xBF\xBF", 0, 0 },         /* U+DFFF */
        { "\xF4\x90\x80\x80", 0, 0 },     /* U+110000 */
        { "\xF5\x80\x80\x80", 0, 0 },
        { "\xFE", 0, 0 },
        { "\xFF", 0, 0 },
        { "ab\xC2", 2, 2 },               /* cut short */
        { "ab\xE5\x8C", 2, 2 },
        { "12345678\xF0\x9F\x98", 8, 8 },
        { "\xC2\x41", 0, 0 },
        { "\xE5\x8C\x41", 0, 0 },
        { "\xF0\x9F\x98\x41", 0, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str s = str_of(cases[i].text);
        expect(utf8_valid_len(s) == cases[i].valid, "case %zu: %zu", i, utf8_valid_len(s));
        expect(utf8_valid(s) == (cases[i].valid == s.len), "case %zu", i);
        expect(utf8_count(str_sub(s, 0, cases[i].valid)) == cases[i].count, "case %zu", i);
    }
    assert_true(utf8_valid(STR_NONE));
    assert_true(utf8_valid(STR("a\0b")));
}

/* The plain definition, for comparison: bits into bytes. */
static size_t encode(uint32_t c, char out[4])
{
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char marks[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    for (size_t i = len; i-- > 1; c >>= 6) out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(marks[len] | c);
    return len;
}

static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x110100; c++) {
        char bytes[4];
        struct str s = { bytes, encode(c, bytes) };
        bool exists = c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF);
        expect(utf8_valid(s) == exists, "U+%04X", c);
        size_t n = 0;
        if (exists) expect(utf8_first(s, &n) == c && n == s.len, "U+%04X", c);
    }
}

static void test_printable(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool one_line, multiline;
    } cases[] = {
        { "", true, true },
        { "北京 abc", true, true },
        { "a\nb\tc", false, true },
        { "a\rb", false, false },
        { "\x01", false, false },
        { "\x1F", false, false },
        { "\x7F", false, false },
        { "\xC2\x80", false, false },     /* U+0080 */
        { "\xC2\x9F", false, false },     /* U+009F */
        { "\xC2\xA0", true, true },       /* U+00A0 */
        { "\xE2\x80\xA7", true, true },   /* U+2027 */
        { "\xE2\x80\xA8", false, false }, /* U+2028 */
        { "\xE2\x80\xA9", false, false }, /* U+2029 */
        { "\xEF\xB7\x90", false, false }, /* U+FDD0 */
        { "\xEF\xB7\xAF", false, false }, /* U+FDEF */
        { "\xEF\xB7\xB0", true, true },   /* U+FDF0 */
        { "\xEF\xBF\xBD", true, true },   /* U+FFFD */
        { "\xEF\xBF\xBE", false, false }, /* U+FFFE */
        { "\xF0\x9F\xBF\xBF", false, false }, /* U+1FFFF */
        { "\xF4\x8F\xBF\xBE", false, false }, /* U+10FFFE */
        { "😀", true, true },
        { "\xFF", false, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        expect(utf8_printable(str_of(cases[i].text), false) == cases[i].one_line, "case %zu", i);
        expect(utf8_printable(str_of(cases[i].text), true) == cases[i].multiline, "case %zu", i);
    }
    assert_false(utf8_printable(STR("a\0b"), true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid), cmocka_unit_test(test_every_code_point), cmocka_unit_test(test_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
