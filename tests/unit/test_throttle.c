/* Whom an address counts as when logins fail. */
#include "../../services/auth-service/throttle.c"

#include "unit.h"

static void test_address_counts_as_itself_or_its_network(void **state)
{
    (void)state;
    static const struct {
        const char *address, *origin;
    } cases[] = {
        { "192.0.2.7", "192.0.2.7" },
        { "::ffff:192.0.2.7", "192.0.2.7" },
        { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
        { "2001:db8:1:2::", "2001:db8:1:2::/64" },
        { "2001:DB8:1:3::1", "2001:db8:1:3::/64" },
        { "::1", "::/64" },
        { "fe80::1%eth0", "fe80::1%eth0" },
        { "", "" },
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str origin = throttle_origin(&a, str_of(cases[i].address));
        expect(str_is(origin, cases[i].origin), "%s -> %.*s", cases[i].address, STR_ARG(origin));
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_address_counts_as_itself_or_its_network) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
