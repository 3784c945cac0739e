#include "auth/revocation_set.h"

#include "unit.h"

#include <stdlib.h>

#define NOW INT64_C(1700000000)

/* The n-th id, as text and as bytes. */
static struct str id_of(unsigned n, struct revocation *r)
{
    static char text[UUID_LEN + 1];
    unsigned char bytes[UUID_BYTES] = { 0x01, 0x8f };
    uint64_t tail = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    memcpy(bytes + 8, &tail, sizeof tail);
    if (r) memcpy(r->id, bytes, UUID_BYTES);
    uuid_text(bytes, text);
    return str_of(text);
}

static void add(struct revocation_set *s, unsigned n, int32_t generation, int64_t until_s, int64_t now_s)
{
    struct revocation r = { .generation = generation, .until_s = (uint32_t)until_s };
    id_of(n, &r);
    revocation_set_add(s, &r, now_s);
}

static void test_generations(void **state)
{
    (void)state;
    struct revocation_set s = { 0 };
    assert_false(revocation_set_has(&s, id_of(1, NULL), 0));
    add(&s, 1, 7, NOW + 60, NOW);
    add(&s, 1, 5, NOW + 60, NOW); /* out of order */
    add(&s, 2, REVOCATION_ALL, NOW + 60, NOW);
    const struct { unsigned id; int64_t generation; bool want; } cases[] = {
        { 1, 0, true }, { 1, 6, true }, { 1, 7, false }, { 1, 8, false }, { 1, INT64_MAX, false },
        { 2, 0, true }, { 2, REVOCATION_ALL - 1, true }, { 3, 0, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(revocation_set_has(&s, id_of(cases[i].id, NULL), cases[i].generation) == cases[i].want, "%zu", i);
    static const char *const no_ids[] = { "", "x", "018f0000-0000-0000-0000-00000000000", "018f000000000000000000000000000000" };
    for (size_t i = 0; i < COUNT(no_ids); i++) assert_false(revocation_set_has(&s, str_of(no_ids[i]), 0));
    assert_false(revocation_set_has(&s, STR_NONE, 0));
    assert_int_equal(s.used, 2);
    revocation_set_done(&s);
}

static void test_what_no_token_outlives_goes(void **state)
{
    (void)state;
    struct revocation_set s = { 0 };
    add(&s, 1, 2, NOW, NOW); /* over already */
    assert_int_equal(s.used, 0);
    add(&s, 1, 2, NOW + 10, NOW);
    add(&s, 2, 2, NOW + 20, NOW);
    add(&s, 1, 2, NOW + 30, NOW); /* longer, by the same */
    add(&s, 3, 2, NOW + 10, NOW);
    revocation_set_sweep(&s, NOW + 15);
    assert_int_equal(s.used, 2);
    assert_true(revocation_set_has(&s, id_of(1, NULL), 1) && revocation_set_has(&s, id_of(2, NULL), 1));
    assert_false(revocation_set_has(&s, id_of(3, NULL), 1));
    revocation_set_sweep(&s, NOW + 30);
    assert_int_equal(s.used, 0);
    assert_false(revocation_set_has(&s, id_of(1, NULL), 1));
    revocation_set_done(&s);
}

/* Hundreds of thousands, and the table follows what is there in both directions. */
static void test_many(void **state)
{
    (void)state;
    enum { N = 200 * 1000 };
    struct revocation_set s = { 0 };
    for (unsigned i = 0; i < N; i++) add(&s, i, (int32_t)(i % 5) + 1, NOW + 1 + i % 2 * 100, NOW);
    assert_int_equal(s.used, N);
    assert_true(s.capacity >= 2 * s.used && s.capacity <= 8 * s.used);
    for (unsigned i = 0; i < N; i++) {
        expect(revocation_set_has(&s, id_of(i, NULL), i % 5), "%u", i);
        expect(!revocation_set_has(&s, id_of(i, NULL), i % 5 + 1), "%u", i);
    }
    for (unsigned i = N; i < N + 1000; i++) assert_false(revocation_set_has(&s, id_of(i, NULL), 0));
    revocation_set_sweep(&s, NOW + 50);
    assert_int_equal(s.used, N / 2);
    for (unsigned i = 0; i < N; i++) expect(revocation_set_has(&s, id_of(i, NULL), 0) == (i % 2 == 1), "%u", i);
    revocation_set_sweep(&s, NOW + 1000);
    assert_true(s.capacity < 1000);
    revocation_set_done(&s);
}

/* A steady stream of short-lived ones does not make it grow. */
static void test_a_long_life(void **state)
{
    (void)state;
    struct revocation_set s = { 0 };
    for (unsigned i = 0; i < 500 * 1000; i++) add(&s, i, 1, NOW + i / 100 + 10, NOW + i / 100);
    expect(s.capacity <= 8192, "%zu", s.capacity);
    revocation_set_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_what_no_token_outlives_goes),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_a_long_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
