/* Connections counted by process and by address. */
#include "http/census.h"

#include "unit.h"

static struct census *census;

static struct ip ip_of(const char *text)
{
    struct ip ip;
    assert_true(ip_read(str_of(text), &ip));
    return ip;
}

static enum census_answer enter(const char *address)
{
    struct ip ip = address ? ip_of(address) : (struct ip){ 0 };
    return census_enter(census, address ? &ip : NULL);
}

static void leave(const char *address)
{
    struct ip ip = address ? ip_of(address) : (struct ip){ 0 };
    census_leave(census, address ? &ip : NULL);
}

static void enter_is(const char *address, enum census_answer want, int times)
{
    for (int i = 0; i < times; i++) assert_int_equal(enter(address), want);
}

static void test_address_is_limited_then_told_then_dropped(void **state)
{
    (void)state;
    census = census_new(1000, 3);
    enter_is("192.0.2.1", CENSUS_ADMIT, 3);
    enter_is("192.0.2.1", CENSUS_ADDRESS_FULL, 8);
    enter_is("192.0.2.1", CENSUS_DROP, 3);
    enter_is("192.0.2.2", CENSUS_ADMIT, 3); /* nobody else is concerned */
    for (int i = 0; i < 8; i++) leave("192.0.2.1");
    enter_is("192.0.2.1", CENSUS_ADDRESS_FULL, 1);
    for (int i = 0; i < 2; i++) leave("192.0.2.1");
    enter_is("192.0.2.1", CENSUS_ADMIT, 1);
    census_free(census);
}

static void test_subscriber_has_one_limit_for_all_its_addresses(void **state)
{
    (void)state;
    census = census_new(0, 2);
    enter_is("2001:db8:1:2::1", CENSUS_ADMIT, 1);
    enter_is("2001:db8:1:2:ffff::9", CENSUS_ADMIT, 1);
    enter_is("2001:db8:1:2::3", CENSUS_ADDRESS_FULL, 1);
    enter_is("2001:db8:1:3::1", CENSUS_ADMIT, 1);
    enter_is("::ffff:192.0.2.1", CENSUS_ADMIT, 1); /* IPv4 in IPv6 is IPv4 */
    enter_is("192.0.2.1", CENSUS_ADMIT, 1);
    enter_is("192.0.2.1", CENSUS_ADDRESS_FULL, 1);
    census_free(census);
}

static void test_total_is_limited_whoever_they_are(void **state)
{
    (void)state;
    census = census_new(32, 1000);
    enter_is("192.0.2.1", CENSUS_ADMIT, 16);
    enter_is(NULL, CENSUS_ADMIT, 16);
    enter_is("192.0.2.2", CENSUS_FULL, 2); /* a sixteenth and one are told */
    enter_is(NULL, CENSUS_FULL, 1);
    enter_is(NULL, CENSUS_DROP, 2);
    for (int i = 0; i < 4; i++) leave(NULL);
    enter_is("192.0.2.2", CENSUS_ADMIT, 1);
    census_free(census);
}

static void test_many_behind_one_address_count_in_the_total_only(void **state)
{
    (void)state;
    census = census_new(100, 1);
    enter_is(NULL, CENSUS_ADMIT, 50);
    enter_is("192.0.2.1", CENSUS_ADMIT, 1);
    enter_is("192.0.2.1", CENSUS_ADDRESS_FULL, 1);
    census_free(census);
}

static void test_limits_may_change_while_it_counts(void **state)
{
    (void)state;
    census = census_new(100, 2);
    enter_is("192.0.2.1", CENSUS_ADMIT, 2);
    census_set(census, 100, 4);
    enter_is("192.0.2.1", CENSUS_ADMIT, 2);
    census_set(census, 3, 0);
    enter_is("192.0.2.1", CENSUS_DROP, 1); /* four are there: over the total and its sixteenth */
    leave("192.0.2.1");
    enter_is("192.0.2.1", CENSUS_FULL, 1);
    census_set(census, 0, 0);
    enter_is("192.0.2.1", CENSUS_ADMIT, 1000);
    census_free(census);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_is_limited_then_told_then_dropped),
        cmocka_unit_test(test_subscriber_has_one_limit_for_all_its_addresses),
        cmocka_unit_test(test_total_is_limited_whoever_they_are),
        cmocka_unit_test(test_many_behind_one_address_count_in_the_total_only),
        cmocka_unit_test(test_limits_may_change_while_it_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
