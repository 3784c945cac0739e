#include "../../gateway/roster.h"

#include "../dns.h"
#include "unit.h"

#include "base/clock.h"
#include "http/client.h"

#include <event2/event.h>

enum { WAIT_MS = 5000 };

static struct event_base *base;
static struct client *client;
static struct roster *roster;
static struct dns dns;

/* What was told last: the labels with a comma between. */
static char told[4096];
static int told_times;

static void note(void *arg, const struct roster_entry *entries, size_t count)
{
    size_t len = 0;
    (void)arg;
    told[0] = 0;
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(told + len, sizeof told - len, "%s%.*s", i ? "," : "", STR_ARG(entries[i].label));
        if (entries[i].at) assert_int_equal(address_port(entries[i].at), 81);
    }
    told_times++;
}

static int setup(void **state)
{
    (void)state;
    base = event_base_new();
    client = client_new(base);
    dns_start(&dns);
    resolver_set_server(client_resolver(client), dns.address);
    roster = roster_new(base, client, 20, note, NULL);
    told_times = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    roster_free(roster);
    client_free(client);
    event_base_free(base);
    dns_stop(&dns);
    return 0;
}

static bool set(const char *urls)
{
    struct str bad;
    return roster_set(roster, str_of(urls), &bad);
}

static void until_told(const char *want)
{
    uint64_t until = clock_us() + WAIT_MS * 1000u;
    while (strcmp(told, want) != 0 && clock_us() < until) event_base_loop(base, EVLOOP_ONCE);
    assert_string_equal(told, want);
}

/* Long enough for a question and its answer. */
static void until_asked(int more)
{
    uint64_t until = clock_us() + WAIT_MS * 1000u;
    int want = dns_questions(&dns) + more;
    while (dns_questions(&dns) < want && clock_us() < until) event_base_loop(base, EVLOOP_ONCE);
    assert_true(dns_questions(&dns) >= want);
}

static void test_numbers_are_told_at_once(void **state)
{
    (void)state;
    assert_true(set("http://127.0.0.1:81, http://[::1]:82/,http://127.0.0.1:81"));
    assert_string_equal(told, "http://127.0.0.1:81,http://[::1]:82/");
    assert_true(set("http://127.0.0.3"));
    assert_string_equal(told, "http://127.0.0.3");
    assert_int_equal(dns_questions(&dns), 0);
}

static void test_name_is_every_address_it_has(void **state)
{
    (void)state;
    dns_answer(&dns, "127.0.0.1", "127.0.0.2", NULL);
    assert_true(set("http://crm.test:81"));
    assert_string_equal(told, ""); /* not resolved yet */
    until_told("http://crm.test:81 127.0.0.1,http://crm.test:81 127.0.0.2");
}

static void test_name_is_asked_again(void **state)
{
    (void)state;
    assert_true(set("http://crm.test:81"));
    until_asked(2);
    assert_string_equal(told, ""); /* no such name yet */
    dns_answer(&dns, "127.0.0.1", NULL);
    until_told("http://crm.test:81 127.0.0.1");
    dns_answer(&dns, "127.0.0.3", "127.0.0.4", NULL);
    until_told("http://crm.test:81 127.0.0.3,http://crm.test:81 127.0.0.4");
}

static void test_names_and_numbers_mix(void **state)
{
    (void)state;
    dns_answer(&dns, "127.0.0.2", NULL);
    assert_true(set("http://127.0.0.1:81,http://crm.test:81,http://127.0.0.3:81"));
    assert_string_equal(told, "http://127.0.0.1:81,http://127.0.0.3:81");
    until_told("http://127.0.0.1:81,http://crm.test:81 127.0.0.2,http://127.0.0.3:81");
}

static void test_no_answer_changes_nothing(void **state)
{
    static const char one[] = "http://crm.test:81 127.0.0.1";
    (void)state;
    dns_answer(&dns, "127.0.0.1", NULL);
    assert_true(set("http://crm.test:81"));
    until_told(one);
    dns_answer(&dns, NULL); /* no such name */
    until_asked(4);
    assert_string_equal(told, one);
    dns_silence(&dns, true);
    until_asked(2);
    assert_string_equal(told, one);
}

static void test_new_list_keeps_what_is_known_of_its_names(void **state)
{
    (void)state;
    dns_answer(&dns, "127.0.0.1", NULL);
    assert_true(set("http://crm.test:81"));
    until_told("http://crm.test:81 127.0.0.1");
    dns_silence(&dns, true);
    assert_true(set("http://127.0.0.9:81,http://crm.test:81"));
    assert_string_equal(told, "http://127.0.0.9:81,http://crm.test:81 127.0.0.1");
    assert_true(set("http://127.0.0.9:81")); /* its question may be under way */
    assert_string_equal(told, "http://127.0.0.9:81");
}

static void test_bad_list_changes_nothing(void **state)
{
    static const char *const bad[] = { "", "http://127.0.0.1:81,", "http://127.0.0.1:81,ftp://a", "http://a/b",
                                       "http://127.0.0.1:81,https://a" };
    (void)state;
    assert_true(set("http://127.0.0.1:81"));
    for (size_t i = 0; i < COUNT(bad); i++) assert_false(set(bad[i]));
    assert_int_equal(told_times, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers_are_told_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_name_is_every_address_it_has, setup, teardown),
        cmocka_unit_test_setup_teardown(test_name_is_asked_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_and_numbers_mix, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_answer_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_list_keeps_what_is_known_of_its_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_list_changes_nothing, setup, teardown),
    };
    return cmocka_run_group_tests_name("roster", tests, NULL, NULL);
}
