#include "http/traceparent.h"

#include "unit.h"

#define TRACE  "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static void test_read(void **state)
{
    (void)state;
    enum { BAD = -1 };
    static const struct { const char *text; int sampled; } cases[] = {
        { "00-" TRACE "-" PARENT "-01", 1 },
        { "00-" TRACE "-" PARENT "-00", 0 },
        { "00-" TRACE "-" PARENT "-03", 1 },            /* other flags are not known, and no fault */
        { "00-" TRACE "-" PARENT "-fe", 0 },
        { "00-" TRACE "-" PARENT "-ff", 1 },
        { "00-" TRACE "-" PARENT "-0b", 1 },
        { "cc-" TRACE "-" PARENT "-01", 1 },            /* higher versions */
        { "01-" TRACE "-" PARENT "-01-what-follows", 1 },
        { "01-" TRACE "-" PARENT "-01-", 1 },
        { "fe-" TRACE "-" PARENT "-00-x", 0 },
        { "01-" TRACE "-" PARENT "-01what-follows", BAD },
        { "01-" TRACE "-" PARENT "-0", BAD },
        { "ff-" TRACE "-" PARENT "-01", BAD },
        { "FE-" TRACE "-" PARENT "-01", BAD },
        { "0-" TRACE "-" PARENT "-01", BAD },
        { "0x-" TRACE "-" PARENT "-01", BAD },
        { "00-" TRACE "-" PARENT "-01-", BAD },         /* nothing follows in version 00 */
        { "00-" TRACE "-" PARENT "-01-x", BAD },
        { "00-" TRACE "-" PARENT "-01 ", BAD },
        { " 00-" TRACE "-" PARENT "-01", BAD },
        { "00-" TRACE "-" PARENT "-1", BAD },
        { "00-" TRACE "-" PARENT "-0g", BAD },
        { "00-" TRACE "-" PARENT "-0A", BAD },
        { "00-" TRACE "-" PARENT, BAD },
        { "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", BAD },
        { "00-" TRACE "-B7AD6B7169203331-01", BAD },
        { "00-00000000000000000000000000000000-" PARENT "-01", BAD },
        { "00-" TRACE "-0000000000000000-01", BAD },
        { "00-00000000000000000000000000000001-0000000000000001-01", 1 },
        { "00-0af7651916cd43dd8448eb211c80319g-" PARENT "-01", BAD },
        { "00-" TRACE "-b7ad6b716920333.-01", BAD },
        { "00_" TRACE "-" PARENT "-01", BAD },
        { "00-" TRACE "_" PARENT "-01", BAD },
        { "00-" TRACE "-" PARENT "_01", BAD },
        { "00-0af7651916cd43dd8448eb211c8031-" PARENT "31-01", BAD },
        { "", BAD },
        { NULL, BAD },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct traceparent t;
        bool ok = traceparent_read(str_of(cases[i].text), &t);
        expect(ok == (cases[i].sampled != BAD), "%s", cases[i].text);
        if (ok) expect(t.sampled == cases[i].sampled, "%s", cases[i].text);
        if (ok && cases[i].text[3] == '0' && cases[i].text[4] == 'a') {
            assert_string_equal(t.trace_id, TRACE);
            assert_string_equal(t.parent_id, PARENT);
        }
    }
    struct traceparent t;
    assert_false(traceparent_read(STR("00-0af7651916cd43dd8448eb211c8031\0c-" PARENT "-01"), &t));
}

static bool is_id(const char *id, size_t len)
{
    return strlen(id) == len && strspn(id, "0123456789abcdef") == len && strspn(id, "0") < len;
}

static void test_a_trace_goes_on_with_a_parent_of_ours(void **state)
{
    (void)state;
    static const struct { const char *text; bool sampled; } cases[] = {
        { "00-" TRACE "-" PARENT "-01", true },
        { "00-" TRACE "-" PARENT "-00", false },
        { "cc-" TRACE "-" PARENT "-ff-more", true }, /* we speak version 00, and know one flag */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct traceparent t;
        char out[TRACEPARENT_LEN + 1];
        assert_true(traceparent_continue(str_of(cases[i].text), &t));
        assert_string_equal(t.trace_id, TRACE);
        assert_true(is_id(t.parent_id, TRACE_PARENT_LEN));
        assert_string_not_equal(t.parent_id, PARENT);
        struct str text = traceparent_write(&t, out);
        assert_int_equal(text.len, TRACEPARENT_LEN);
        expect(str_has_prefix(text, STR("00-" TRACE "-")) && !memcmp(out + 36, t.parent_id, 16), "%s", out);
        expect(!strcmp(out + 52, cases[i].sampled ? "-01" : "-00"), "%s", out);
    }
}

static void test_malformed_begins_a_new_trace(void **state)
{
    (void)state;
    static const char *const cases[] = { NULL, "", "00-" TRACE "-" PARENT "-01-", "ff-" TRACE "-" PARENT "-01" };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct traceparent t = { .sampled = true }, again;
        char out[TRACEPARENT_LEN + 1];
        assert_false(traceparent_continue(str_of(cases[i]), &t));
        expect(is_id(t.trace_id, TRACE_ID_LEN) && is_id(t.parent_id, TRACE_PARENT_LEN), "%s", cases[i]);
        assert_string_not_equal(t.trace_id, TRACE);
        assert_false(t.sampled);
        assert_true(traceparent_read(traceparent_write(&t, out), &again));
        assert_memory_equal(&t, &again, sizeof t);
    }
}

static void test_ids_differ(void **state)
{
    (void)state;
    struct traceparent a, b;
    traceparent_continue(STR_NONE, &a);
    traceparent_continue(STR_NONE, &b);
    assert_string_not_equal(a.trace_id, b.trace_id);
    assert_string_not_equal(a.parent_id, b.parent_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read), cmocka_unit_test(test_a_trace_goes_on_with_a_parent_of_ours),
        cmocka_unit_test(test_malformed_begins_a_new_trace), cmocka_unit_test(test_ids_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
