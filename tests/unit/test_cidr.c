#include "base/cidr.h"

#include "unit.h"

#include <stdlib.h>

static void test_read_and_write_addresses(void **state)
{
    (void)state;
    static const struct { const char *text, *written; } cases[] = {
        { "10.0.0.1", "10.0.0.1" },
        { "0.0.0.0", "0.0.0.0" },
        { "255.255.255.255", "255.255.255.255" },
        { "::", "::" },
        { "::1", "::1" },
        { "2001:DB8:0:0:0:0:0:A", "2001:db8::a" },
        { "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "::ffff:10.0.0.1", "10.0.0.1" },
        { "0:0:0:0:0:ffff:0a00:0001", "10.0.0.1" },
        { "0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255" },
        { "64:ff9b::10.0.0.1", "64:ff9b::a00:1" },
        { "::1:ffff:10.0.0.1", "::1:ffff:a00:1" },
        { "", NULL },
        { "10", NULL },
        { "10.0.0", NULL },
        { "10.0.0.1.2", NULL },
        { "10.0.0.256", NULL },
        { "10.0.0.01", NULL },
        { "0x0a.0.0.1", NULL },
        { "10.0.0.-1", NULL },
        { "10.0.0.1 ", NULL },
        { " 10.0.0.1", NULL },
        { "10.0.0.1:80", NULL },
        { "10..0.1", NULL },
        { "[::1]", NULL },
        { "::1%eth0", NULL },
        { ":1", NULL },
        { ":::", NULL },
        { "1::2::3", NULL },
        { "1:2:3:4:5:6:7", NULL },
        { "1:2:3:4:5:6:7:8:9", NULL },
        { "12345::", NULL },
        { "::g", NULL },
        { "::ffff:10.0.0.256", NULL },
        { "localhost", NULL },
        { "0000:0000:0000:0000:0000:ffff:255.255.255.2555", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ip ip;
        char out[IP_LEN + 1];
        bool ok = ip_read(str_of(cases[i].text), &ip);
        expect(ok == (cases[i].written != NULL), "%s", cases[i].text);
        expect(str_is(ip_write(&ip, out), ok ? cases[i].written : ""), "%s: %s", cases[i].text, out);
    }
    struct ip ip;
    assert_false(ip_read(STR("10.0.0.1\0"), &ip));
    assert_false(ip_read(STR_NONE, &ip));
    assert_int_equal(ip.width, 0);
}

static void test_one_address_has_one_form(void **state)
{
    (void)state;
    static const struct { const char *a, *b; bool same; } cases[] = {
        { "10.0.0.1", "::ffff:10.0.0.1", true },   { "2001:db8::1", "2001:DB8:0::0:1", true },
        { "10.0.0.1", "10.0.0.2", false },         { "10.0.0.1", "a00:1::", false }, /* the same bits from the left */
        { "::1", "::2", false },                   { "::", "0.0.0.0", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ip a, b;
        assert_true(ip_read(str_of(cases[i].a), &a) && ip_read(str_of(cases[i].b), &b));
        expect(ip_eq(&a, &b) == cases[i].same, "%s %s", cases[i].a, cases[i].b);
    }
}

static void test_read_prefixes(void **state)
{
    (void)state;
    static const struct { const char *text, *address; int bits; const char *why; } cases[] = {
        { "10.0.0.0/8", "10.0.0.0", 8, NULL },
        { "0.0.0.0/0", "0.0.0.0", 0, NULL },
        { "10.1.2.3/32", "10.1.2.3", 32, NULL },
        { "10.1.2.3", "10.1.2.3", 32, NULL },
        { "128.0.0.0/1", "128.0.0.0", 1, NULL },
        { "::1", "::1", 128, NULL },
        { "::/0", "::", 0, NULL },
        { "2001:db8::/32", "2001:db8::", 32, NULL },
        { "2001:db8:0:1::/64", "2001:db8:0:1::", 64, NULL },
        { "2001:db8::8000:0:0:0/65", "2001:db8:0:0:8000::", 65, NULL },
        { "::fffe/127", "::fffe", 127, NULL },
        { "::ffff:10.0.0.0/104", "10.0.0.0", 8, NULL },
        { "::ffff:0:0/96", "0.0.0.0", 0, NULL },
        { "::ffff:10.0.0.1", "10.0.0.1", 32, NULL },
        { "::/95", "::", 95, NULL },
        { "10.0.0.1/8", NULL, 0, "bits set" },
        { "10.0.0.1/31", NULL, 0, "bits set" },
        { "1.0.0.0/0", NULL, 0, "bits set" },
        { "2001:db8::1/32", NULL, 0, "bits set" },
        { "2001:db8::/31", "2001:db8::", 31, NULL },
        { "2001:db9::/31", NULL, 0, "bits set" },
        { "::1/127", NULL, 0, "bits set" },
        { "::ffff:10.0.0.0/95", NULL, 0, "bits set" },
        { "::ffff:10.0.0.1/104", NULL, 0, "bits set" },
        { "10.0.0.0/33", NULL, 0, "0 to 32" },
        { "10.0.0.0/", NULL, 0, "0 to 32" },
        { "10.0.0.0/-1", NULL, 0, "0 to 32" },
        { "10.0.0.0/-0", NULL, 0, "0 to 32" },
        { "10.0.0.0/+8", NULL, 0, "0 to 32" },
        { "10.0.0.0/08", NULL, 0, "0 to 32" },
        { "10.0.0.0/00", NULL, 0, "0 to 32" },
        { "10.0.0.0/8/8", NULL, 0, "0 to 32" },
        { "10.0.0.0/8 ", NULL, 0, "0 to 32" },
        { "10.0.0.0/255.0.0.0", NULL, 0, "0 to 32" },
        { "10.0.0.0/99999999999999999999", NULL, 0, "0 to 32" },
        { "::/129", NULL, 0, "0 to 128" },
        { "::/x", NULL, 0, "0 to 128" },
        { "10.0.0/8", NULL, 0, "not an IPv4 or IPv6 address" },
        { "/8", NULL, 0, "not an IPv4 or IPv6 address" },
        { "", NULL, 0, "not an IPv4 or IPv6 address" },
        { "office/8", NULL, 0, "not an IPv4 or IPv6 address" },
        { "[::1]/128", NULL, 0, "not an IPv4 or IPv6 address" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cidr c;
        char out[IP_LEN + 1];
        const char *why = cidr_read(str_of(cases[i].text), &c);
        if (cases[i].why) {
            expect(why && strstr(why, cases[i].why), "%s: %s", cases[i].text, why);
            continue;
        }
        expect(!why && c.bits == cases[i].bits && str_is(ip_write(&c.ip, out), cases[i].address), "%s: %s", cases[i].text, why);
    }
}

static void test_prefixes_hold_addresses(void **state)
{
    (void)state;
    static const struct { const char *prefix, *address; bool holds; } cases[] = {
        { "10.0.0.0/8", "10.255.255.255", true },      { "10.0.0.0/8", "11.0.0.0", false },
        { "10.0.0.0/8", "::ffff:10.1.2.3", true },     { "0.0.0.0/0", "255.1.2.3", true },
        { "0.0.0.0/0", "::1", false },                 { "::/0", "10.0.0.1", false },
        { "::/0", "::ffff:10.0.0.1", false },          { "::/0", "ffff::", true },
        { "2001:db8::/33", "2001:db8:7fff::", true },  { "2001:db8::/33", "2001:db8:8000::", false },
        { "::8000:0:0:0/65", "::ffff:1:2:3", true },   { "::8000:0:0:0/65", "::7fff:1:2:3", false },
        { "::1", "::1", true },                        { "::1", "::2", false },
        { "10.0.0.0/31", "10.0.0.1", true },           { "10.0.0.0/31", "10.0.0.2", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cidr c;
        struct ip ip;
        assert_null(cidr_read(str_of(cases[i].prefix), &c));
        assert_true(ip_read(str_of(cases[i].address), &ip));
        expect(cidr_holds(&c, &ip) == cases[i].holds, "%s %s", cases[i].prefix, cases[i].address);
    }
    struct cidr all;
    assert_null(cidr_read(STR("0.0.0.0/0"), &all));
    assert_false(cidr_holds(&all, &(struct ip){ 0 }));
}

/* The value is the place in this list. */
static const char *const prefixes[] = {
    "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3", "0.0.0.0/0", "192.168.0.0/16",
    "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::1", "::1", "172.16.0.0/12", "10.1.2.128/25",
};

static void test_the_longest_prefix_wins(void **state)
{
    (void)state;
    enum { NONE = -1 };
    static const struct { const char *address; int value; } cases[] = {
        { "10.9.9.9", 0 },         { "10.1.9.9", 1 },     { "10.1.2.9", 2 },          { "10.1.2.3", 3 },
        { "10.1.2.200", 11 },      { "8.8.8.8", 4 },      { "192.168.255.1", 5 },     { "192.169.0.1", 4 },
        { "2001:db8:2::1", 6 },    { "2001:db8:1::2", 7 }, { "2001:db8:1::1", 8 },    { "::1", 9 },
        { "2001:db9::1", NONE },   { "::2", NONE },       { "::ffff:172.31.0.1", 10 }, { "::", NONE },
    };
    for (size_t turn = 0; turn < COUNT(prefixes); turn++) { /* in whatever order they were added */
        struct cidr_set *s = cidr_set_new();
        for (size_t i = 0; i < COUNT(prefixes); i++) {
            size_t k = (i * 5 + turn) % COUNT(prefixes);
            struct cidr c;
            assert_null(cidr_read(str_of(prefixes[k]), &c));
            cidr_set_add(s, &c, (int)k);
        }
        assert_int_equal(cidr_set_count(s), COUNT(prefixes));
        for (size_t i = 0; i < COUNT(cases); i++) {
            struct ip ip;
            int value = NONE;
            assert_true(ip_read(str_of(cases[i].address), &ip));
            bool found = cidr_set_find(s, &ip, &value);
            expect(found == (cases[i].value != NONE) && value == cases[i].value, "%s: %d", cases[i].address, value);
        }
        cidr_set_free(s);
    }
}

static void test_an_empty_set_holds_nothing(void **state)
{
    (void)state;
    struct cidr_set *s = cidr_set_new();
    struct ip ip;
    assert_true(ip_read(STR("10.0.0.1"), &ip));
    assert_false(cidr_set_find(s, &ip, NULL));
    assert_false(cidr_set_find(s, &(struct ip){ 0 }, NULL));
    assert_int_equal(cidr_set_count(s), 0);
    cidr_set_free(s);
    cidr_set_free(NULL);
}

static void test_a_prefix_again_replaces_its_value(void **state)
{
    (void)state;
    struct cidr_set *s = cidr_set_new();
    struct cidr c;
    int value = 0;
    assert_null(cidr_read(STR("10.0.0.0/8"), &c));
    cidr_set_add(s, &c, 1);
    cidr_set_add(s, &c, 2);
    assert_int_equal(cidr_set_count(s), 1);
    assert_true(cidr_set_find(s, &c.ip, &value));
    assert_int_equal(value, 2);
    cidr_set_free(s);
}

static void test_lists(void **state)
{
    (void)state;
    static const struct { const char *list, *bad; size_t count; } cases[] = {
        { "", NULL, 0 },
        { "  ", NULL, 0 },
        { NULL, NULL, 0 },
        { "10.0.0.0/8", NULL, 1 },
        { " 10.0.0.0/8 ,\t::1,192.168.0.1", NULL, 3 },
        { "10.0.0.0/8,10.0.0.0/8", NULL, 1 },
        { "10.0.0.0/8,10.0.0.1/8,::1", "10.0.0.1/8", 1 },
        { "10.0.0.0/8,", "", 1 },
        { ",10.0.0.0/8", "", 0 },
        { "10.0.0.0/8 ::1", "10.0.0.0/8 ::1", 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cidr_set *s = cidr_set_new();
        struct str bad = STR("untouched");
        const char *why = cidr_set_add_list(s, str_of(cases[i].list), 1, &bad);
        expect(!why == !cases[i].bad, "%s: %s", cases[i].list, why);
        expect(str_is(bad, cases[i].bad) && str_is_none(bad) == !cases[i].bad, "%s: %.*s", cases[i].list, STR_ARG(bad));
        assert_int_equal(cidr_set_count(s), cases[i].count);
        cidr_set_free(s);
    }
}

/* Against a search of all prefixes, dense enough that they nest. */
static struct ip chance(void)
{
    uint64_t r = unit_random();
    if (r % 2) return (struct ip){ .high = (r & 0xF8C03000) << 32, .width = IP_V4_BITS };
    return (struct ip){ 0x20010db800000000u | (r & 0x30300003), unit_random() & 0xC000000000000003u, IP_V6_BITS };
}

static bool search(const struct cidr *all, size_t count, const struct ip *ip, int *ret)
{
    int best = -1;
    for (size_t i = 0; i < count; i++)
        if (cidr_holds(&all[i], ip) && all[i].bits >= best) best = all[i].bits, *ret = (int)i; /* the later of two equal ones */
    return best >= 0;
}

static void test_sets_agree_with_a_search(void **state)
{
    (void)state;
    enum { MANY = 1500 };
    static struct cidr all[MANY];
    struct cidr_set *s = cidr_set_new();
    int found = 0;
    for (int i = 0; i < MANY; i++) {
        struct ip ip = chance();
        int bits = (int)(unit_random() % (unsigned)(ip.width + 1)), high = bits < 64 ? bits : 64, low = bits - high;
        ip.high = high ? ip.high >> (64 - high) << (64 - high) : 0;
        ip.low = low ? ip.low >> (64 - low) << (64 - low) : 0;
        all[i] = (struct cidr){ ip, bits };
        cidr_set_add(s, &all[i], i);
        for (int k = 0; k < 20; k++) {
            struct ip asked = chance();
            int want = -1, value = -1;
            bool holds = search(all, (size_t)i + 1, &asked, &want);
            expect(cidr_set_find(s, &asked, &value) == holds && value == want, "%d prefixes: %d, not %d", i + 1, value, want);
            found += holds;
        }
    }
    expect(found > MANY && found < MANY * 20, "%d", found);
    cidr_set_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_and_write_addresses),
        cmocka_unit_test(test_one_address_has_one_form),
        cmocka_unit_test(test_read_prefixes),
        cmocka_unit_test(test_prefixes_hold_addresses),
        cmocka_unit_test(test_the_longest_prefix_wins),
        cmocka_unit_test(test_an_empty_set_holds_nothing),
        cmocka_unit_test(test_a_prefix_again_replaces_its_value),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_sets_agree_with_a_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
