/* Who is known to be kept as he is now. */
#include "http/worker.h"
#include "rest/authors.h"

#include "unit.h"

enum { SECOND = 1000 * 1000 };

static struct worker worker;

static struct principal wang(void)
{
    return (struct principal){ .user_id = STR("018f3c5e-7a10-7000-8000-000000000001"), .name = STR("王芳"), .department = STR("1.4"),
                               .generation = 3 };
}

static void test_kept_for_a_minute(void **state)
{
    (void)state;
    struct authors *a = authors_new(&worker);
    struct principal who = wang();
    assert_false(authors_are_kept(a, &who, 5 * SECOND));
    authors_kept(a, &who, 5 * SECOND);
    assert_true(authors_are_kept(a, &who, 5 * SECOND));
    assert_true(authors_are_kept(a, &who, 64 * SECOND));
    assert_false(authors_are_kept(a, &who, 65 * SECOND));
    authors_free(a);
}

static void test_kept_as_he_was_only(void **state)
{
    (void)state;
    struct authors *a = authors_new(&worker);
    struct principal who = wang(), others[4] = { wang(), wang(), wang(), wang() };
    others[0].user_id = STR("018f3c5e-7a10-7000-8000-000000000002");
    others[1].name = STR("王方");
    others[2].department = STR("1.5");
    others[3].generation = 4;
    authors_kept(a, &who, SECOND);
    for (size_t i = 0; i < COUNT(others); i++) assert_false(authors_are_kept(a, &others[i], SECOND));
    assert_true(authors_are_kept(a, &who, SECOND));
    authors_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_kept_for_a_minute), cmocka_unit_test(test_kept_as_he_was_only) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
