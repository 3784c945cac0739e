#include "base/base64.h"
#include "rest/cursor.h"

#include "sample.h"

static const struct list_query newest = { .sort = S_CREATED_TIME, .ascending = false };

static bool reads(struct arena *a, const struct resource *r, struct list_query q, struct str cursor)
{
    struct str value, id;
    q.cursor = cursor;
    return cursor_read(a, r, &q, &value, &id);
}

static void test_there_and_back(void **state)
{
    (void)state;
    static const struct str values[] = { STR("2023-01-01 10:00:00.123456+08"), STR(""), STR("a\nb\n"), STR("北京"),
                                         STR("\x01\xff") };
    for (size_t i = 0; i < COUNT(values); i++) {
        struct arena a;
        arena_init(&a);
        struct list_query q = newest;
        struct str value, id;
        q.cursor = cursor_make(&a, &sample, &newest, values[i], STR(UUID_A));
        assert_true(cursor_read(&a, &sample, &q, &value, &id));
        assert_true(str_eq(value, values[i]) && str_is(id, UUID_A));
        arena_done(&a);
    }
}

static void test_made_for_something_else(void **state)
{
    (void)state;
    struct resource other = sample;
    struct list_query oldest = newest, by_code = newest;
    struct arena a;
    arena_init(&a);
    other.name = STR("other");
    oldest.ascending = true;
    by_code.sort = S_CODE;
    struct str cursor = cursor_make(&a, &sample, &newest, STR("v"), STR(UUID_A));
    assert_true(reads(&a, &sample, newest, cursor));
    assert_false(reads(&a, &other, newest, cursor));
    assert_false(reads(&a, &sample, oldest, cursor));
    assert_false(reads(&a, &sample, by_code, cursor));
    cursor_set_secret(STR("another secret, as long as the first one"));
    assert_false(reads(&a, &sample, newest, cursor));
    arena_done(&a);
}

static void test_damaged_ones(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct str cursor = cursor_make(&a, &sample, &newest, STR("2023-01-01"), STR(UUID_A));
    char *copy = arena_cstr(&a, cursor);
    for (size_t i = 0; i < cursor.len; i++) {
        copy[i] = cursor.p[i] == 'A' ? 'B' : 'A';
        expect(!reads(&a, &sample, newest, (struct str){ copy, cursor.len }), "byte %zu", i);
        copy[i] = cursor.p[i];
        expect(!reads(&a, &sample, newest, str_sub(cursor, 0, i)), "%zu bytes", i);
    }
    static const char *const garbage[] = {
        "", "x", "====", "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "../../x", "1"
    };
    for (size_t i = 0; i < COUNT(garbage); i++) assert_false(reads(&a, &sample, newest, str_of(garbage[i])));
    assert_false(reads(&a, &sample, newest, arena_printf(&a, "%.*s=", STR_ARG(cursor))));
    assert_false(reads(&a, &sample, newest, arena_printf(&a, "%.*sAAAA", STR_ARG(cursor))));
    arena_done(&a);
}

static int setup(void **state)
{
    (void)state;
    cursor_set_secret(STR("0123456789abcdef0123456789abcdef"));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_there_and_back, setup), cmocka_unit_test_setup(test_made_for_something_else, setup),
        cmocka_unit_test_setup(test_damaged_ones, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
