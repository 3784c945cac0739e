#include "http/forwarded.h"

#include "unit.h"

#include <stdio.h>

static struct cidr_set *trusted;

static int setup(void **state)
{
    (void)state;
    struct str bad;
    trusted = cidr_set_new();
    return cidr_set_add_list(trusted, STR("10.0.0.0/8, ::1, fd00::/8, fe80::/10"), 1, &bad) ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    cidr_set_free(trusted);
    return 0;
}

static void test_the_list_is_walked_from_the_right(void **state)
{
    (void)state;
    static const struct { const char *peer, *lines[3], *client; int hops; } cases[] = {
        { "203.0.113.9", { NULL }, "203.0.113.9", 0 },
        { "203.0.113.9", { "198.51.100.1" }, "203.0.113.9", 0 },                       /* untrusted: ignored */
        { "10.0.0.1", { NULL }, "10.0.0.1", 0 },
        { "10.0.0.1", { "198.51.100.1" }, "198.51.100.1", 1 },
        { "10.0.0.1", { "1.1.1.1, 198.51.100.1" }, "198.51.100.1", 1 },                /* the left one is the client's claim */
        { "10.0.0.1", { "1.1.1.1, 198.51.100.1, 10.0.0.2" }, "198.51.100.1", 2 },
        { "10.0.0.1", { "10.0.0.4, 10.0.0.3,10.0.0.2" }, "10.0.0.4", 3 },              /* all trusted: the farthest */
        { "10.0.0.1", { "10.9.9.9, 198.51.100.1" }, "198.51.100.1", 1 },               /* a claim to be trusted */
        { "10.0.0.1", { "1.1.1.1", "198.51.100.1", "10.0.0.2" }, "198.51.100.1", 2 },  /* lines are one list */
        { "10.0.0.1", { "198.51.100.1, 10.0.0.3", "10.0.0.2" }, "198.51.100.1", 3 },
        { "10.0.0.1", { " \t198.51.100.1 \t" }, "198.51.100.1", 1 },
        { "::1", { "2001:DB8::0:1" }, "2001:db8::1", 1 },
        { "::ffff:10.0.0.1", { "::ffff:198.51.100.1" }, "198.51.100.1", 1 },           /* IPv4 in IPv6 is IPv4 */
        { "::ffff:203.0.113.9", { "198.51.100.1" }, "203.0.113.9", 0 },
        { "fe80::1%eth0", { "198.51.100.1" }, "198.51.100.1", 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str values[3];
        size_t n = 0;
        for (; n < 3 && cases[i].lines[n]; n++) values[n] = str_of(cases[i].lines[n]);
        struct forwarded f = forwarded_client(trusted, str_of(cases[i].peer), values, n);
        expect(!strcmp(f.text, cases[i].client) && f.hops == cases[i].hops, "case %zu: %s, %d hops", i, f.text, f.hops);
    }
}

/* The peer is 10.0.0.1, trusted. */
static void test_malformed_entries_end_the_walk(void **state)
{
    (void)state;
    static const struct { const char *value, *client; } cases[] = {
        { "", "10.0.0.1" },
        { "unknown", "10.0.0.1" },
        { "198.51.100.1,", "10.0.0.1" },
        { "198.51.100.1, , 10.0.0.2", "10.0.0.2" },
        { "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2" },
        { "198.51.100.1, 10.0.0.300, 10.0.0.2", "10.0.0.2" },
        { "unknown, 198.51.100.1", "198.51.100.1" }, /* never looked at */
        { "198.51.100.1 10.0.0.2", "10.0.0.1" },
        { "198.51.100.1; 10.0.0.2", "10.0.0.1" },
        { "198.51.100.1%eth0", "10.0.0.1" },
        { "198.51.100.1/32", "10.0.0.1" },
        { "\"198.51.100.1\"", "10.0.0.1" },
        { "0198.51.100.1", "10.0.0.1" },
        { "localhost", "10.0.0.1" },
        { ",", "10.0.0.1" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str value = str_of(cases[i].value);
        struct forwarded f = forwarded_client(trusted, STR("10.0.0.1"), &value, 1);
        expect(!strcmp(f.text, cases[i].client), "\"%s\": %s", cases[i].value, f.text);
    }
}

static void test_ports_are_no_part_of_an_address(void **state)
{
    (void)state;
    static const struct { const char *entry, *client; } cases[] = {
        { "198.51.100.1:4711", "198.51.100.1" }, { "198.51.100.1:65535", "198.51.100.1" },
        { "[2001:db8::1]", "2001:db8::1" },      { "[2001:db8::1]:443", "2001:db8::1" },
        { "2001:db8::1:443", "2001:db8::1:443" }, /* without brackets it is a group */
        { "198.51.100.1:", NULL },               { "198.51.100.1:0", NULL },
        { "198.51.100.1:65536", NULL },          { "198.51.100.1:-1", NULL },
        { "198.51.100.1:000080", NULL },         { "198.51.100.1:x", NULL },
        { "198.51.100.1:1:2", NULL },            { ":4711", NULL },
        { "[198.51.100.1]", NULL },              { "[198.51.100.1]:1", NULL },
        { "[2001:db8::1", NULL },                { "[2001:db8::1]443", NULL },
        { "[2001:db8::1]:", NULL },              { "[]", NULL },
        { "[", NULL },                           { "2001:db8::1]", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str value = str_of(cases[i].entry);
        struct forwarded f = forwarded_client(trusted, STR("10.0.0.1"), &value, 1);
        expect(!strcmp(f.text, cases[i].client ? cases[i].client : "10.0.0.1"), "%s: %s", cases[i].entry, f.text);
    }
}

static void test_a_long_list_ends_somewhere(void **state)
{
    (void)state;
    char list[40 * 32] = "198.51.100.1";
    for (int i = 39; i >= 1; i--) snprintf(list + strlen(list), 32, ", 10.0.1.%d", i); /* 10.0.1.1 is the last */
    struct str value = str_of(list);
    struct forwarded f = forwarded_client(trusted, STR("10.0.0.1"), &value, 1);
    assert_int_equal(f.hops, FORWARDED_HOPS_MAX);
    assert_string_equal(f.text, "10.0.1.16");
}

static void test_a_peer_without_an_address(void **state)
{
    (void)state;
    static const char *const peers[] = { "", "unix:", NULL };
    struct str value = STR("198.51.100.1");
    for (size_t i = 0; i < COUNT(peers); i++) {
        struct forwarded f = forwarded_client(trusted, str_of(peers[i]), &value, 1);
        expect(f.ip.width == 0 && !*f.text && f.hops == 0, "%s", peers[i]);
    }
}

static void test_the_address_goes_with_its_text(void **state)
{
    (void)state;
    struct str value = STR("::ffff:198.51.100.1");
    struct ip want;
    struct forwarded f = forwarded_client(trusted, STR("10.0.0.1"), &value, 1);
    assert_true(ip_read(STR("198.51.100.1"), &want) && ip_eq(&f.ip, &want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_list_is_walked_from_the_right),
        cmocka_unit_test(test_malformed_entries_end_the_walk),
        cmocka_unit_test(test_ports_are_no_part_of_an_address),
        cmocka_unit_test(test_a_long_list_ends_somewhere),
        cmocka_unit_test(test_a_peer_without_an_address),
        cmocka_unit_test(test_the_address_goes_with_its_text),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
