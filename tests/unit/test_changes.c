/* What the audit is told of two images of a record, as PostgreSQL prints jsonb. */
#include "base/arena.h"
#include "rest/changes.h"

#include "sample.h"

static const char *between(struct arena *a, const char *before, const char *after)
{
    struct str told = changes_between(a, &sample, str_of(before), str_of(after));
    return str_is_none(told) ? "nothing" : arena_cstr(a, told);
}

static void test_columns_that_are_others_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *told;
    } cases[] = {
        { "{\"code\": \"C-1\", \"name\": \"旧\"}", "{\"code\": \"C-1\", \"name\": \"新\"}", "{\"name\":[\"旧\",\"新\"]}" },
        { NULL, "{\"code\": \"C-1\", \"name\": null, \"pieces\": 1.50}", "{\"code\":[null,\"C-1\"],\"pieces\":[null,1.50]}" },
        { "{\"name\": \"n\"}", "{\"name\": null}", "{\"name\":[\"n\",null]}" },
        { "{\"name\": null}", "{\"name\": \"\"}", "{\"name\":[null,\"\"]}" },
        { "{\"code\": \"x\"}", "{\"name\": \"n\"}", "{\"name\":[null,\"n\"]}" },
        { "{\"code\": \"1\", \"name\": \"2\"}", "{\"name\": \"3\"}", "{\"name\":[\"2\",\"3\"]}" },
        { "{\"code\": \"1\", \"name\": \"2\"}", "{\"kind\": \"k\", \"name\": \"3\"}", "{\"kind\":[null,\"k\"],\"name\":[\"2\",\"3\"]}" },
        { "{\"tags\": [\"a\", \"}\"], \"code\": \"1\"}", "{\"tags\": [\"b,\", {\"c\": [1, 2]}], \"code\": \"2\"}",
          "{\"tags\":[[\"a\", \"}\"],[\"b,\", {\"c\": [1, 2]}]],\"code\":[\"1\",\"2\"]}" },
        { "{\"name\": \"a\\\"b\\\\\", \"code\": \"1\"}", "{\"name\": \"a\\\"b\\\\\", \"code\": \"2\"}", "{\"code\":[\"1\",\"2\"]}" },
        { "{\"name\": \"n\"}", "{\"name\": \"n\"}", "nothing" },
        { NULL, "{\"name\": null}", "nothing" },
        { NULL, "{}", "nothing" },
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(cases); i++) assert_string_equal(between(&a, cases[i].before, cases[i].after), cases[i].told);
    arena_done(&a);
}

static void test_secrets_are_told_as_such(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_string_equal(between(&a, "{\"phone\": \"1\", \"email\": null}", "{\"phone\": \"2\", \"email\": \"e\"}"),
                        "{\"phone\":[\"***\",\"***\"],\"email\":[null,\"***\"]}");
    assert_string_equal(between(&a, "{\"phone\": \"1\"}", "{\"phone\": \"1\"}"), "nothing");
    arena_done(&a);
}

static void test_what_the_audit_knows_is_not_told(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_string_equal(between(&a, NULL, "{\"version\": 1, \"updated_by\": \"u\", \"updated_time\": \"t\", \"created_by\": \"u\", "
                                          "\"created_time\": \"t\", \"search_text\": \"s\", \"pinyin\": \"p\", \"phone_index\": \"i\", "
                                          "\"pin_hash\": \"h\"}"),
                        "nothing");
    arena_done(&a);
}

/* Of a record whose only column is made with `value`, this is told. */
static void tells(struct arena *a, struct str value, struct str told)
{
    assert_string_equal(between(a, NULL, arena_printf(a, "{\"name\": %.*s}", STR_ARG(value)).p),
                        arena_printf(a, "{\"name\":[null,%.*s]}", STR_ARG(told)).p);
}

static const char *repeated(struct arena *a, const char *what, int times)
{
    struct str s = STR("");
    while (times--) s = arena_printf(a, "%.*s%s", STR_ARG(s), what);
    return s.p;
}

static void test_of_a_long_value_its_beginning_is_told(void **state)
{
    (void)state;
    static const char *const characters[] = { "a", "长", "\\\"", "\\\\", "\\u0001", "😀" };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(characters); i++) {
        const char *kept = repeated(&a, characters[i], CHANGES_KEPT);
        tells(&a, arena_printf(&a, "\"%s\"", kept), arena_printf(&a, "\"%s\"", kept));
        tells(&a, arena_printf(&a, "\"%s%s\"", kept, characters[i]), arena_printf(&a, "\"%s…\"", kept));
    }
    const char *zeros = repeated(&a, "0, ", CHANGES_KEPT / 3);
    tells(&a, arena_printf(&a, "[%s0]", zeros), arena_printf(&a, "\"[%.*s…\"", CHANGES_KEPT - 1, zeros));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_that_are_others_are_told),
        cmocka_unit_test(test_secrets_are_told_as_such),
        cmocka_unit_test(test_what_the_audit_knows_is_not_told),
        cmocka_unit_test(test_of_a_long_value_its_beginning_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
