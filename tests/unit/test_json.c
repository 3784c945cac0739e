/* What is JSON and what is not: the questions of JSONTestSuite ("y_" and "n_"), and where it leaves the answer open
 * ("i_"), the strict one. */
#include "json/json_read.h"

#include "unit.h"

#define T(literal) { literal, sizeof(literal) - 1 }

static const struct str accepted[] = {
    /* any value may be the whole text */
    T("null"), T("true"), T("false"), T("0"), T("-0"), T("42"), T("\"\""), T("\"x\""), T("[]"), T("{}"), T(" [] "),
    T("\t\r\n [] \t\r\n"), T("[1]\n"), T("\"\xE2\x82\xAC\""),
    /* arrays and objects */
    T("[[]]"), T("[ ]"), T("[[], [ ] ,{}]"), T("[null, 1, \"1\", {}]"), T("[null,null]"), T("[1\n,2]"), T("[ 1 , 2 ]"),
    T("{\"a\":1}"), T("{ \"a\" : 1 , \"b\" : 2 }"), T("{\"\":0}"), T("{\"a\":{\"a\":{\"a\":[]}}}"),
    T("{\"a\":1,\"A\":2}"), T("{\"a\":[{\"a\":1},{\"a\":2}]}"), T("{\"asd\":\"sdf\", \"dfg\":\"fgh\"}"),
    T("{\n\"a\"\n:\n\"b\"\n}"), T("{\"min\":-1.0e+28,\"max\":1.0e+28}"), T("{\"a\\nb\":1}"),
    T("{\"a\":null,\"aa\":null,\"ab\":null}"),
    /* numbers; of any size: the text is kept */
    T("[-0]"), T("[0e1]"), T("[0E+1]"), T("[0e+1]"), T("[1e1]"), T("[1E22]"), T("[1E-2]"), T("[1E+2]"), T("[123e45]"),
    T("[123.456e78]"), T("[1.5]"), T("[-1]"), T("[-123]"), T("[20e1]"), T("[123]"), T("[123.456789]"), T("[ 4]"),
    T("[0.1]"), T("[-0.0]"), T("[1e9999]"), T("[-1e-9999]"), T("[123456789012345678901234567890]"),
    T("[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]"),
    /* strings */
    T("[\"asd\"]"), T("[ \"asd\"]"), T("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"), T("[\"\\\\u0000\"]"), T("[\"\\u0001\"]"),
    T("[\"\\u0060\\u012a\\u12AB\"]"), T("[\"\\uD801\\udc37\"]"), T("[\"\\ud83d\\ude39\\ud83d\\udc8d\"]"),
    T("[\"\\uDBFF\\uDFFF\"]"), T("[\"\\uFFFF\"]"), T("[\"\\uFDD0\"]"), T("[\"\\u2028\"]"), T("[\"\xE2\x80\xA8\"]"),
    T("[\"\x7F\"]"), T("[\"\xEF\xBF\xBF\"]"), T("[\"\xF4\x8F\xBF\xBF\"]"), T("[\"\xF0\x9D\x84\x9E\"]"),
    T("[\"/*x*/\"]"), T("[\"\\u0022\\u005C\"]"), T("[\"new\\u000Aline\"]"), T("[\"\xE5\x8C\x97\xE4\xBA\xAC\"]"),
};

static const struct str rejected[] = {
    /* nothing, or not a value */
    T(""), T(" "), T("\n"), T("\0"), T("nul"), T("nulll"), T("NULL"), T("True"), T("tru"), T("fals"), T("FALSE"),
    T("nan"), T("NaN"), T("Infinity"), T("-Infinity"), T("undefined"), T("a"), T("*"), T("<.>"), T("'x'"), T("`x`"),
    T("\\u0061"), T("\xEF\xBB\xBF"), T("\xEF\xBB\xBF{}"), T("\xC3\xA5"), T("\xE2\x81\xA0"), T("\f[]"), T("\v[]"),
    T("[\f]"), T("\xC2\xA0[]"), T("\xEF\xBD\x9B\xEF\xBD\x9D"), T("[]\0"), T("null\0"),
    /* something after the value */
    T("[]]"), T("[][]"), T("{}}"), T("{} x"), T("[1]x"), T("1 2"), T("true false"), T("\"a\" \"b\""), T("[],"),
    T("{},{}"), T("{\"a\":\"b\"}#"), T("{\"a\":\"b\"}//"), T("{\"a\":\"b\"}/**/"), T("1]"), T("[\"a\"]]"), T("0 ,"),
    /* comments */
    T("/**/[]"), T("// x\n[]"), T("[1/*x*/]"), T("# x\n[]"),
    /* arrays */
    T("["), T("[1"), T("[1,"), T("[,1]"), T("[1,]"), T("[1,,2]"), T("[1,,]"), T("[,]"), T("[1 2]"), T("[1:2]"),
    T("[\"\": 1]"), T("[1;2]"), T("[x"), T("[3[4]]"), T("[1 true]"), T("[1}"), T("[\"x\""), T("[,\"\"]"),
    T("[1,\n1\n,1"), T("[{}"), T("[*]"), T("]"), T("[[]"), T("[null"), T("[true, fals]"), T("(1)"), T("[\\u000A\"\"]"),
    /* objects */
    T("{"), T("{\""), T("{\"a\""), T("{\"a\":"), T("{\"a\":1"), T("{\"a\":1,"), T("{\"a\":1,}"),
    T("{\"a\":1,,\"b\":2}"), T("{,}"), T("{,\"a\":1}"), T("{\"a\" 1}"), T("{\"a\"::1}"), T("{\"a\",1}"), T("{\"a\"}"),
    T("{a:1}"), T("{'a':1}"), T("{1:1}"), T("{null:1}"), T("{[]:1}"), T("{\"a\":1 \"b\":2}"), T("{\"a\":1;\"b\":2}"),
    T("{\"a\":1]"), T("{\"a\":a}"), T("{\"a\":}"), T("{:\"b\"}"), T("{ \"foo\" : \"bar\", \"a\" }"),
    T("{\"a\":/*x*/1}"), T("{\"a\"=1}"), T("}"), T("{{}:1}"), T("{{}}"), T("{9999E9999:1}"), T("{\"\xFF\":1}"),
    T("{\"\\u0000\":1}"), T("{\"\\uD800\":1}"),
    /* duplicate keys, spelled alike or not */
    T("{\"a\":1,\"a\":1}"), T("{\"a\":1,\"b\":2,\"a\":3}"), T("{\"a\":1,\"\\u0061\":2}"), T("{\"\":1,\"\":2}"),
    T("[[{\"x\":{\"b\":1,\"c\":2,\"b\":null}}]]"), T("{\"\\/\":1,\"/\":2}"), T("{\"\xE5\x8C\x97\":1,\"\\u5317\":2}"),
    T("{\"\xF0\x9F\x98\x80\":1,\"\\uD83D\\uDE00\":2}"),
    /* numbers */
    T("-"), T("+"), T("+1"), T("++1"), T("01"), T("-01"), T("00"), T("-00"), T("012"), T("-012"), T("1."), T("-1."),
    T("2.e3"), T("0.e1"), T(".1"), T("-.1"), T(".-1"), T("1.5."), T("0.1.2"), T("1e"), T("1E"), T("1e+"), T("1E-"),
    T("0e"), T("0e+"), T("1.0e"), T("1.0e+"), T("1eE2"), T("1e1.5"), T("9.3e+"), T("0x1"), T("0x"), T("1_000"),
    T("1,000"), T("1 000.0"), T("1a"), T("-1x"), T("- 1"), T("--1"), T("-foo"), T("1+2"), T("1-"), T("-a"), T("Inf"),
    T("-NaN"), T("1.2a-3"), T("0.3e"), T("[1e]"), T("[-]"), T("[01]"), T("\xEF\xBC\x91"), T("[1\0]"), T("1\xC2\xB2"),
    /* strings */
    T("\""), T("\"x"), T("\"\\\""), T("\"\\"), T("\"\\\\\\\""), T("\"\\a\""), T("\"\\v\""), T("\"\\x00\""),
    T("\"\\'\""), T("\"\\0\""), T("\"\\ \""), T("\"\\\n\""), T("\"\\U0041\""), T("\"\\u\""), T("\"\\u0\""),
    T("\"\\u00\""), T("\"\\u004\""), T("\"\\u00G1\""), T("\"\\u 041\""), T("\"\\u+041\""), T("\"\\u-041\""),
    T("\"\\u00"), T("\"\\\0\""), T("\"\\\xF0\x9F\x8C\x80\""), T("\"\\\xE5\""), T("\"\\uD800\""), T("\"\\uDC00\""),
    T("\"\\uD800x\""), T("\"\\uD800\\n\""), T("\"\\uD800\\\""), T("\"\\uD800\\u\""), T("\"\\uD800\\u1\""),
    T("\"\\uD800\\u1x\""), T("\"\\uD800\\uD800\""), T("\"\\uD800\\u0041\""), T("\"\\uD800\\u0000\""),
    T("\"\\uDC00\\uD800\""), T("\"\\uD834\\uDd\""), T("\"\\uDBFF\\uE000\""), T("\"\\u0000\""), T("\"a\\u0000b\""),
    T("\"\0\""), T("\"a\0b\""), T("\"\n\""), T("\"\t\""), T("\"\r\""), T("\"\x01\""), T("\"\x1F\""), T("\"new\nline\""),
    /* UTF-8 */
    T("\"\x80\""), T("\"\xFF\""), T("\"\xC0\x80\""), T("\"\xC0\xAF\""), T("\"\xE0\x80\xAF\""), T("\"\xED\xA0\x80\""),
    T("\"\xED\xA0\x80\xED\xB0\x80\""), T("\"\xF4\x90\x80\x80\""), T("\"\xFC\x83\xBF\xBF\xBF\xBF\""), T("\"\xE5\x8C\""),
    T("\"\xE9\""), T("[\xFF]"), T("{\"a\":1}\xFF"), T("\xFF\xFE\"\0x\0\"\0"), T("\0\"\0x\0\""), T("[1\xE5]"),
    T("[\"\xC3\"]"),
};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        struct arena a;
        struct problem p = { 0 };
        arena_init(&a);
        expect(json_read(&a, accepted[i], &p), "%.*s: %s", STR_ARG(accepted[i]), p.details ? p.details->reason.p : "");
        expect(p.code == E_OK && !p.details, "%.*s", STR_ARG(accepted[i]));
        arena_done(&a);
    }
}

static void test_rejected(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rejected); i++) {
        struct arena a;
        struct problem p = { 0 };
        arena_init(&a);
        expect(!json_read(&a, rejected[i], &p), "case %zu: %.*s", i, STR_ARG(rejected[i]));
        expect(p.code == E_BAD_JSON && p.details, "case %zu", i);
        bool by_cjson = str_has_prefix(p.details->reason, STR("unreadable value"));
        expect(!by_cjson, "case %zu got through to cJSON: %.*s", i, STR_ARG(rejected[i]));
        arena_done(&a);
    }
}

static void test_every_prefix_is_rejected(void **state)
{
    (void)state;
    struct str whole = STR("{\"a\\u00e9\\ud83d\\ude00\":[1.5e+3,-0,true,false,null,\"\\n\xE5\x8C\x97\",{\"b\":{}}],"
                           "\"c\":\"\"}");
    for (size_t n = 0; n <= whole.len; n++) {
        struct arena a;
        struct problem p = { 0 };
        arena_init(&a);
        char *exact = arena_alloc(&a, 9000); /* a block of its own, so that reading past the end is seen */
        memcpy(exact + 9000 - n, whole.p, n);
        expect(!json_read(&a, (struct str){ exact + 9000 - n, n }, &p) == (n < whole.len), "%zu bytes", n);
        arena_done(&a);
    }
}

static void test_the_problem_says_what_and_where(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *field, *reason;
    } cases[] = {
        { T(""), NULL, "expected a value at byte 0" },
        { T("[1,]"), NULL, "expected a value at byte 3" },
        { T("[1 2]"), NULL, "expected ',' or ']' at byte 3" },
        { T("{\"a\":1]"), NULL, "expected ',' or '}' at byte 6" },
        { T("{\"a\" 1}"), NULL, "expected ':' at byte 5" },
        { T("{a:1}"), NULL, "expected a key at byte 1" },
        { T("[\"\xFF\"]"), NULL, "invalid UTF-8 at byte 2" },
        { T("\"a\nb\""), NULL, "unescaped control character at byte 2" },
        { T("\"ab\\u0000\""), NULL, "U+0000 is not allowed at byte 3" },
        { T("\"ab\\uD800\""), NULL, "lone surrogate at byte 3" },
        { T("\"\\q\""), NULL, "unknown escape at byte 2" },
        { T("\"ab"), NULL, "unterminated string at byte 3" },
        { T("-x"), NULL, "expected a digit at byte 1" },
        { T("01"), NULL, "unexpected text after the value at byte 1" },
        { T("{\"x\":1,\"\\u0078\":2}"), "x", "duplicate key" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        struct problem p = { 0 };
        arena_init(&a);
        assert_null(json_read(&a, cases[i].text, &p));
        expect(str_is(p.details->reason, cases[i].reason), "case %zu: %s", i, p.details->reason.p);
        expect(str_is(p.details->field, cases[i].field), "case %zu", i);
        expect(str_is_none(p.details->field) == !cases[i].field && !p.details->next, "case %zu", i);
        arena_done(&a);
    }
}

int main(void)
{
    _Static_assert(COUNT(accepted) >= 60 && COUNT(rejected) >= 120, "the tables have lost cases");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted), cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_every_prefix_is_rejected), cmocka_unit_test(test_the_problem_says_what_and_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
