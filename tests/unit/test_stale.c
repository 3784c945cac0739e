/* The last good answers that the gateway keeps. */
#include "../../gateway/stale.h"

#include "unit.h"

#include <stdio.h>

enum { SECOND = 1000 * 1000, MAX_AGE_MS = 10 * 1000 };

static struct stale *stale;

static int setup(void **state)
{
    (void)state;
    stale = stale_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stale_free(stale);
    return 0;
}

static void keep(const char *target, const char *body, uint64_t now)
{
    stale_keep(stale, str_of(target), STR("text/plain"), str_of(body), now);
}

/* The body that is found, "-" when there is none. */
static const char *found(const char *target, uint64_t now)
{
    static char body[64];
    struct stale_answer a;
    if (!stale_find(stale, str_of(target), now, MAX_AGE_MS, &a)) return "-";
    assert_true(str_is(a.type, "text/plain"));
    snprintf(body, sizeof body, "%.*s@%d", STR_ARG(a.body), (int)(a.since_us / SECOND));
    return body;
}

static void test_last_answer_of_a_target_is_found(void **state)
{
    (void)state;
    assert_string_equal(found("/a", SECOND), "-");
    keep("/a", "one", SECOND);
    keep("/b", "", SECOND);
    assert_string_equal(found("/a", 2 * SECOND), "one@1");
    assert_string_equal(found("/b", 2 * SECOND), "@1");
    keep("/a", "two", 3 * SECOND);
    assert_string_equal(found("/a", 4 * SECOND), "two@3");
    assert_string_equal(found("/a?x=1", 4 * SECOND), "-");
}

static void test_answer_that_is_too_old_is_forgotten(void **state)
{
    (void)state;
    keep("/a", "one", SECOND);
    assert_string_equal(found("/a", 11 * SECOND), "one@1");
    assert_string_equal(found("/a", 11 * SECOND + 1), "-");
    assert_string_equal(found("/a", SECOND), "-");
}

static void test_answer_that_is_too_long_takes_the_place_of_none(void **state)
{
    static char body[STALE_BODY_MAX + 2];
    (void)state;
    memset(body, 'x', STALE_BODY_MAX + 1);
    keep("/a", "old", SECOND);
    keep("/a", body, SECOND); /* and what was there is not the last one any more */
    assert_string_equal(found("/a", SECOND), "-");
}

static void test_what_was_not_needed_for_longest_goes_first(void **state)
{
    char target[32];
    (void)state;
    for (int i = 0; i < STALE_ANSWERS; i++) {
        snprintf(target, sizeof target, "/%d", i);
        keep(target, "x", SECOND);
    }
    assert_string_equal(found("/0", SECOND), "x@1");
    keep("/new", "y", SECOND);
    assert_string_equal(found("/0", SECOND), "x@1");
    assert_string_equal(found("/1", SECOND), "-");
    assert_string_equal(found("/2", SECOND), "x@1");
    assert_string_equal(found("/new", SECOND), "y@1");
}

#define STALE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STALE(test_last_answer_of_a_target_is_found),
        STALE(test_answer_that_is_too_old_is_forgotten),
        STALE(test_answer_that_is_too_long_takes_the_place_of_none),
        STALE(test_what_was_not_needed_for_longest_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
