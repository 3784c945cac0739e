#include "unit.h"

#include "../../gateway/address_book.h"

/* "list verdict prefix, ...": lists and verdicts by their first letters, as "A- 10.0.0.0/8" is denied to all. */
static void fill(struct address_book *b, const char *lines)
{
    static const struct { char name; int list; } lists[] = {
        { 'A', ADDRESSES_OF_ALL }, { 'R', ADDRESSES_OF_CLASS + RATE_READ }, { 'L', ADDRESSES_OF_CLASS + RATE_LOGIN },
    };
    struct str rest = str_of(lines), bad;
    while (rest.len) {
        struct str line = str_trim(str_cut(&rest, ';'));
        size_t i = 0;
        while (lists[i].name != line.p[0]) i++;
        enum address_verdict verdict = line.p[1] == '+' ? ADDRESS_ALLOWED : ADDRESS_DENIED;
        assert_null(address_book_add(b, lists[i].list, verdict, str_sub(line, 3, line.len), &bad));
    }
}

static void test_the_longest_prefix_of_the_nearest_list_decides(void **state)
{
    static const struct { const char *lines, *address; enum rate_class rate; bool admitted; } cases[] = {
        { "", "203.0.113.7", RATE_READ, true },
        { "A- 203.0.113.0/24", "203.0.113.7", RATE_READ, false },
        { "A- 203.0.113.0/24", "203.0.114.7", RATE_READ, true },
        { "A- 203.0.113.0/24; A+ 203.0.113.7", "203.0.113.7", RATE_READ, true },
        { "A- 203.0.113.0/24; A+ 203.0.113.7", "203.0.113.8", RATE_READ, false },
        { "A+ 203.0.113.0/24; A- 203.0.113.7", "203.0.113.7", RATE_READ, false },
        { "A+ 203.0.113.0/24", "198.51.100.1", RATE_READ, false }, /* only these */
        { "A+ 203.0.113.0/24", "2001:db8::1", RATE_READ, false },
        { "A+ 203.0.113.0/24", "::ffff:203.0.113.9", RATE_READ, true },
        { "A- 203.0.113.7", "::ffff:203.0.113.7", RATE_READ, false },
        { "A- 2001:db8::/32", "2001:db8:1::1", RATE_WRITE, false },
        { "L- 203.0.113.7", "203.0.113.7", RATE_LOGIN, false },
        { "L- 203.0.113.7", "203.0.113.7", RATE_READ, true },
        { "A- 203.0.113.0/24; L+ 203.0.113.7", "203.0.113.7", RATE_LOGIN, true }, /* its own list first */
        { "A- 203.0.113.0/24; L+ 203.0.113.7", "203.0.113.7", RATE_READ, false },
        { "A+ 198.51.100.0/24; L- 198.51.100.1", "198.51.100.1", RATE_LOGIN, false },
        { "A+ 198.51.100.0/24; L- 198.51.100.1", "198.51.100.2", RATE_LOGIN, true }, /* then the one for all */
        { "R- 0.0.0.0/0; R+ 10.0.0.0/8", "10.1.2.3", RATE_READ, true },
        { "R- 0.0.0.0/0; R+ 10.0.0.0/8", "11.1.2.3", RATE_READ, false },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct address_book b = { 0 };
        struct ip ip;
        fill(&b, cases[i].lines);
        assert_true(ip_read(str_of(cases[i].address), &ip));
        expect(address_book_admits(&b, cases[i].rate, &ip) == cases[i].admitted, "%s: %s", cases[i].lines, cases[i].address);
        address_book_done(&b);
    }
}

static void test_malformed_prefixes_are_named(void **state)
{
    struct address_book b = { 0 };
    struct str bad = STR_NONE;
    (void)state;
    assert_non_null(address_book_add(&b, ADDRESSES_OF_ALL, ADDRESS_ALLOWED, STR("10.0.0.0/8, 10.0.0.0/33"), &bad));
    assert_true(str_is(bad, "10.0.0.0/33"));
    assert_null(address_book_add(&b, ADDRESSES_OF_ALL, ADDRESS_ALLOWED, STR(""), &bad));
    address_book_done(&b);
}

static void test_an_empty_list_of_what_is_allowed_allows_all(void **state)
{
    struct address_book b = { 0 };
    struct str bad;
    struct ip ip;
    (void)state;
    assert_null(address_book_add(&b, ADDRESSES_OF_ALL, ADDRESS_ALLOWED, STR(""), &bad));
    assert_true(ip_read(STR("203.0.113.7"), &ip) && address_book_admits(&b, RATE_READ, &ip));
    address_book_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_longest_prefix_of_the_nearest_list_decides),
        cmocka_unit_test(test_malformed_prefixes_are_named),
        cmocka_unit_test(test_an_empty_list_of_what_is_allowed_allows_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
