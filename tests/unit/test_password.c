/* The one source of a service that is tested alone: it needs nothing of the service. */
#include "../../services/auth-service/password.c"

#include "base/clock.h"

#include "unit.h"

#include <stdlib.h>

static struct arena a;

static int setup(void **state)
{
    (void)state;
    arena_init(&a);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&a);
    return 0;
}

static void test_hash_and_verify(void **state)
{
    (void)state;
    static const struct str passwords[] = { STR("correct horse"), STR("密码密码密码密码"), STR(""), STR("a\0b"), STR("$$$$ %s '") };
    for (size_t i = 0; i < COUNT(passwords); i++) {
        struct str stored = password_hash(&a, passwords[i]);
        assert_true(str_has_prefix(stored, STR("$argon2id$v=19$m=9216,t=4,p=1$")));
        assert_true(password_verify(passwords[i], stored));
        assert_false(password_verify(arena_printf(&a, "%.*sx", STR_ARG(passwords[i])), stored));
        if (passwords[i].len) assert_false(password_verify(str_sub(passwords[i], 0, passwords[i].len - 1), stored));
    }
}

static void test_the_same_password_is_never_stored_twice_alike(void **state)
{
    (void)state;
    assert_false(str_eq(password_hash(&a, STR("secret12")), password_hash(&a, STR("secret12"))));
}

/* Of the reference implementation's own tests: 64 MiB, two passes, one lane, "password", "somesalt". */
static void test_vector(void **state)
{
    (void)state;
#define VECTOR(salt, hash) STR("$argon2id$v=19$m=65536,t=2,p=1$" salt "$" hash)
    static const struct str good = VECTOR("c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
                            other_salt = VECTOR("c29tZXNhbHR", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
                            other_hash = VECTOR("c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPd");
    assert_true(password_verify(STR("password"), good));
    assert_false(password_verify(STR("Password"), good));
    assert_false(password_verify(STR("password"), other_salt));
    assert_false(password_verify(STR("password"), other_hash));
}

/* RFC 7914 section 12: N 1024, r 8, p 16, "password", "NaCl"; the first 32 bytes. */
static void test_hashes_of_the_first_version_still_verify(void **state)
{
    (void)state;
#define SCRYPT(log2_n, salt) STR("scrypt$" log2_n "$8$16$" salt "$_bq-HJ00cgB4VucZDQHp_nxq18vII3gw53N2Y0s3MWI")
    assert_true(password_verify(STR("password"), SCRYPT("10", "TmFDbA")));
    assert_false(password_verify(STR("Password"), SCRYPT("10", "TmFDbA")));
    assert_false(password_verify(STR("password"), SCRYPT("11", "TmFDbA")));
    assert_false(password_verify(STR("password"), SCRYPT("10", "TmFDbB")));
}

static void test_what_is_no_hash_never_matches(void **state)
{
    (void)state;
    struct str good = password_hash(&a, STR("secret12"));
    const struct str cases[] = {
        STR(""),
        STR("secret12"),
        STR("$argon2id$"),
        STR("$argon2id$v=19$m=9216,t=4,p=1$"),
        STR("$argon2id$v=19$m=9216,t=4,p=1$AAAAAAAAAAAAAAAAAAAAAA$"),
        STR("$argon2id$v=19$m=9216,t=4,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA"),
        STR("$argon2id$v=19$m=-1,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA"),
        STR("scrypt$10$8$16$TmFDbA$"),
        STR("scrypt$10$8$16$TmFDbA$AAAA"),
        STR("scrypt$99$8$16$TmFDbA$_bq-HJ00cgB4VucZDQHp_nxq18vII3gw53N2Y0s3MWI"),
        STR("$2b$12$abcdefghijklmnopqrstuv"),
        arena_printf(&a, "%.*s$", STR_ARG(good)),
        arena_printf(&a, "x%.*s", STR_ARG(good)),
        arena_printf(&a, "%.*s=", STR_ARG(good)),
        arena_printf(&a, "%.*s%0*d", STR_ARG(good), 200, 0),
        str_sub(good, 0, good.len - 1),
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        expect(!password_verify(STR("secret12"), cases[i]), "%s", cases[i].p);
        expect(!password_verify(STR(""), cases[i]), "%s", cases[i].p);
    }
}

/* An unknown user costs as much as a known one. */
static void test_nobody_takes_as_long_as_somebody(void **state)
{
    (void)state;
    struct str stored = password_hash(&a, STR("secret12"));
    uint64_t best[2] = { UINT64_MAX, UINT64_MAX };
    for (int i = 0; i < 6; i++) {
        uint64_t start = clock_us();
        assert_false(password_verify(STR("wrong"), i % 2 ? stored : STR_NONE));
        uint64_t took = clock_us() - start;
        if (took < best[i % 2]) best[i % 2] = took;
    }
    expect(best[0] * 2 > best[1] && best[1] * 2 > best[0], "%d and %d us", (int)best[0], (int)best[1]);
    expect(best[1] > 10 * 1000, "%d us", (int)best[1]);
}

int main(void)
{
#define PASSWORD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        PASSWORD(test_hash_and_verify), PASSWORD(test_the_same_password_is_never_stored_twice_alike), PASSWORD(test_vector),
        PASSWORD(test_hashes_of_the_first_version_still_verify),
        PASSWORD(test_what_is_no_hash_never_matches), PASSWORD(test_nobody_takes_as_long_as_somebody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
