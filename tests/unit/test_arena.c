#include "base/arena.h"

#include "unit.h"

static void test_memory_is_aligned_and_zeroed(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 15, 16, 17, 8191, 8192, 8193, 100000, 3 };
    struct arena a;
    arena_init(&a);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT(sizes); i++) {
            char *p = arena_alloc(&a, sizes[i]);
            expect((uintptr_t)p % 16 == 0, "size %zu", sizes[i]);
            for (size_t n = 0; n < sizes[i]; n++) expect(p[n] == 0, "byte %zu of %zu", n, sizes[i]);
            memset(p, 0xAA, sizes[i]);
        }
    }
    arena_done(&a);
}

static void test_allocations_do_not_overlap(void **state)
{
    (void)state;
    struct arena a;
    unsigned char *p[500];
    arena_init(&a);
    for (size_t i = 0; i < COUNT(p); i++) p[i] = memset(arena_alloc(&a, i), (int)i & 0xFF, i);
    for (size_t i = 0; i < COUNT(p); i++)
        for (size_t n = 0; n < i; n++) expect(p[i][n] == (i & 0xFF), "allocation %zu", i);
    arena_done(&a);
}

static void test_dup(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_true(str_is_none(arena_dup(&a, STR_NONE)));
    assert_false(str_is_none(arena_dup(&a, STR(""))));
    struct str s = arena_dup(&a, str_sub(STR("abcdef"), 1, 3));
    assert_true(str_is(s, "bc"));
    assert_int_equal(s.p[2], 0);
    assert_string_equal(arena_cstr(&a, STR_NONE), "");
    assert_string_equal(arena_cstr(&a, str_sub(STR("abc"), 0, 2)), "ab");
    arena_done(&a);
}

static void test_printf(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct str s = arena_printf(&a, "%s=%d", "x", 5);
    assert_true(str_is(s, "x=5"));
    assert_int_equal(s.p[s.len], 0);
    assert_true(str_is(arena_printf(&a, "%s", ""), ""));
    for (int n = 254; n < 259; n++) {
        s = arena_printf(&a, "%0*d", n, 7);
        assert_int_equal(s.len, n);
        assert_true(s.p[0] == '0' && s.p[n - 1] == '7' && !s.p[n]);
    }
    assert_int_equal(arena_printf(&a, "%20000d", 1).len, 20000);
    arena_done(&a);
}

static char order[8];

static void note(void *letter)
{
    strncat(order, letter, 1);
}

static void test_defers_run_in_reverse(void **state)
{
    (void)state;
    static char letters[] = "abc";
    struct arena a;
    arena_init(&a);
    order[0] = 0;
    for (int i = 0; i < 3; i++) arena_defer(&a, note, &letters[i]);
    arena_done(&a);
    assert_string_equal(order, "cba");
    arena_done(&a); /* empty: nothing runs twice */
    assert_string_equal(order, "cba");
}

static void test_arena_may_be_used_again(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (int i = 0; i < 10; i++) {
        int *n = arena_array(&a, int, 5000);
        assert_int_equal(n[4999], 0);
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_aligned_and_zeroed), cmocka_unit_test(test_allocations_do_not_overlap),
        cmocka_unit_test(test_dup), cmocka_unit_test(test_printf), cmocka_unit_test(test_defers_run_in_reverse),
        cmocka_unit_test(test_arena_may_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
