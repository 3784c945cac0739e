#include "../../gateway/balance.h"

#include "unit.h"

enum { MS = 1000, SECOND = 1000 * MS, DRAWS = 10000 };

static int forgotten;

static void forget(void *extra)
{
    forgotten += *(int *)extra;
}

static const struct balance_settings settings = {
    .failures = 3, .out_ms = 1000, .out_max_ms = 4000, .rise = 2, .fall = 3, .stale_ms = 10000, .forget = forget,
};
static const uint64_t start = 1000 * (uint64_t)SECOND;

/* Hosts "a", "b" ...: a letter is an address. */
static bool set(struct balance *b, const char *letters)
{
    struct str addresses[200];
    size_t n = 0;
    for (; letters[n]; n++) addresses[n] = (struct str){ letters + n, 1 };
    return balance_set(b, addresses, n);
}

static struct balance *balance_of(const char *letters)
{
    struct balance *b = balance_new(&settings);
    set(b, letters);
    return b;
}

static struct host *host(const struct balance *b, char letter)
{
    size_t n;
    struct host *const *hosts = balance_hosts(b, &n);
    for (size_t i = 0; i < n; i++)
        if (hosts[i]->address[0] == letter && !hosts[i]->address[1]) return hosts[i];
    fail();
    return NULL;
}

static struct host *choose(struct balance *b, uint64_t now, uint32_t exclude)
{
    return balance_choose(b, now, unit_random(), exclude);
}

/* Chooses until it is `letter`, however dear: those chosen before are in flight meanwhile. */
static struct host *choose_this(struct balance *b, char letter, uint64_t now)
{
    struct host *others[1000], *h = NULL;
    size_t n = 0;
    while (n < COUNT(others) && (h = choose(b, now, 0))->address[0] != letter) others[n++] = h;
    assert_int_not_equal(n, COUNT(others));
    while (n) balance_report(b, others[--n], now, HOST_UNKNOWN, 0);
    return h;
}

static void report(struct balance *b, char letter, uint64_t now, enum host_outcome outcome, uint64_t took, int times)
{
    struct host *held[10];
    for (int i = 0; i < times; i++) held[i] = choose_this(b, letter, now - took);
    for (int i = 0; i < times; i++) balance_report(b, held[i], now, outcome, took);
}

/* How many of DRAWS, each ended before the next, go to `letter`. */
static int share(struct balance *b, char letter, uint64_t now, uint32_t exclude)
{
    int n = 0;
    for (int i = 0; i < DRAWS; i++) {
        struct host *h = choose(b, now, exclude);
        n += h->address[0] == letter;
        balance_report(b, h, now, HOST_UNKNOWN, 0);
    }
    return n;
}

static void test_equals_share(void **state)
{
    (void)state;
    struct balance *b = balance_of("abcd");
    for (const char *l = "abcd"; *l; l++) {
        int n = share(b, *l, start, 0);
        expect(n > DRAWS / 4 * 9 / 10 && n < DRAWS / 4 * 11 / 10, "%c: %d", *l, n);
    }
    balance_free(b);
}

/* Of two hosts both are always drawn: the cheaper one gets it. */
static void test_the_cheaper_of_two_wins(void **state)
{
    (void)state;
    static const struct { int ms_a, ms_b, flight_a, flight_b; char winner; } cases[] = {
        { 10, 20, 0, 0, 'a' }, { 20, 10, 0, 0, 'b' }, { 10, 20, 2, 0, 'b' }, /* 10 x 3 against 20 x 1 */
        { 10, 50, 3, 0, 'a' }, { 10, 50, 5, 0, 'b' }, { 10, 10, 1, 0, 'b' }, { 10, 10, 4, 3, 'b' }, { 10, 10, 3, 4, 'a' },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct balance *b = balance_of("ab");
        report(b, 'a', start, HOST_GOOD, (uint64_t)cases[i].ms_a * MS, 1);
        report(b, 'b', start, HOST_GOOD, (uint64_t)cases[i].ms_b * MS, 1);
        host(b, 'a')->in_flight = (uint32_t)cases[i].flight_a;
        host(b, 'b')->in_flight = (uint32_t)cases[i].flight_b;
        int n = share(b, cases[i].winner, start, 0);
        expect(n == DRAWS, "case %zu: %d", i, n);
        balance_free(b);
    }
}

/* Of many, the worst of all is chosen only when drawn twice: never. The best wins whenever it is drawn: 2 of 4. */
static void test_two_are_drawn_of_many(void **state)
{
    (void)state;
    struct balance *b = balance_of("abcd");
    for (int i = 0; i < 4; i++) report(b, (char)('a' + i), start, HOST_GOOD, (uint64_t)(10 * (i + 1)) * MS, 1);
    static const int want[] = { DRAWS / 2, DRAWS / 3, DRAWS / 6, 0 };
    for (int i = 0; i < 4; i++) {
        int n = share(b, (char)('a' + i), start, 0);
        expect(n >= want[i] * 9 / 10 && n <= want[i] * 11 / 10, "%c: %d", 'a' + i, n);
    }
    balance_free(b);
}

static void test_latency_is_a_moving_average(void **state)
{
    (void)state;
    static const struct { enum host_outcome outcome; int took_ms, average_us; } steps[] = {
        { HOST_UNKNOWN, 9000, 0 },    /* says nothing */
        { HOST_GOOD, 8, 8000 },       /* the first one is all there is */
        { HOST_GOOD, 16, 9000 },      /* (7 * 8 + 16) / 8 */
        { HOST_GOOD, 1, 8000 },
        { HOST_UNKNOWN, 9000, 8000 },
        { HOST_FAILED, 0, 9000 },     /* a quick failure is no merit: twice the average */
        { HOST_FAILED, 81, 18000 },
        { HOST_GOOD, 9000000, 7515750 }, /* a minute at most */
    };
    struct balance *b = balance_of("a");
    for (size_t i = 0; i < COUNT(steps); i++) {
        uint64_t took = (uint64_t)steps[i].took_ms * MS, now = start + 10000 * (uint64_t)SECOND;
        struct host *h = choose(b, now - took, 0);
        balance_report(b, h, now, steps[i].outcome, took);
        expect(h->latency_us == (uint64_t)steps[i].average_us, "step %zu: %d us", i, (int)h->latency_us);
    }
    balance_free(b);
}

/* A newcomer gets its share, not everything; and so does one whose latency is long past. */
static void test_an_unknown_latency_counts_as_the_others(void **state)
{
    (void)state;
    struct balance *b = balance_of("ab");
    report(b, 'a', start, HOST_GOOD, 10 * MS, 1);
    struct host *held[100];
    for (int i = 0; i < 100; i++) held[i] = choose(b, start, 0);
    assert_int_equal(host(b, 'b')->in_flight, 50);
    for (int i = 0; i < 100; i++) balance_report(b, held[i], start, HOST_GOOD, held[i]->address[0] == 'b' ? 5000 * MS : 10 * MS);
    assert_int_equal(share(b, 'b', start + 9999 * MS, 0), 0);
    report(b, 'a', start + 9999 * MS, HOST_GOOD, 10 * MS, 1);
    int n = share(b, 'b', start + 10000 * MS, 0);
    expect(n > DRAWS * 4 / 10 && n < DRAWS * 6 / 10, "%d", n);
    balance_free(b);
}

static void test_failures_in_a_row_put_a_host_out(void **state)
{
    (void)state;
    /* g, f, u: outcomes of host a, one after the other */
    static const struct { const char *outcomes; bool out; } cases[] = {
        { "ff", false }, { "fff", true }, { "ffgff", false }, { "ffuf", true }, { "gggggfff", true }, { "fgfgfgf", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct balance *b = balance_of("ab");
        for (const char *o = cases[i].outcomes; *o; o++)
            report(b, 'a', start, *o == 'f' ? HOST_FAILED : *o == 'u' ? HOST_UNKNOWN : HOST_GOOD, 0, 1);
        expect(host_is_usable(host(b, 'a'), start) != cases[i].out, "%s", cases[i].outcomes);
        assert_int_equal(share(b, 'a', start, 0) == 0, cases[i].out);
        balance_free(b);
    }
}

static void test_each_time_out_is_longer(void **state)
{
    (void)state;
    static const struct { int in_ms, out_ms; } cases[] = {
        { 0, 1000 }, { 0, 2000 }, { 3999, 4000 }, { 10, 4000 }, /* the maximum */
        { 4000, 1000 },                                         /* in for long enough */
        { 0, 2000 },
    };
    struct balance *b = balance_of("ab");
    uint64_t now = start;
    report(b, 'a', now, HOST_FAILED, 0, 2);
    for (size_t i = 0; i < COUNT(cases); i++) {
        now += (uint64_t)cases[i].in_ms * MS;
        report(b, 'a', now, HOST_FAILED, 0, 1); /* back again, one failure is enough */
        expect(!host_is_usable(host(b, 'a'), now + (uint64_t)cases[i].out_ms * MS - 1), "case %zu", i);
        now += (uint64_t)cases[i].out_ms * MS;
        expect(host_is_usable(host(b, 'a'), now), "case %zu", i);
    }
    balance_free(b);
}

/* Many requests fail together, some later than others: that is one time out. */
static void test_what_began_before_does_not_count_again(void **state)
{
    (void)state;
    struct balance *b = balance_of("ab");
    struct host *held[6];
    for (int i = 0; i < 6; i++) held[i] = choose_this(b, 'a', start);
    for (int i = 0; i < 5; i++) balance_report(b, held[i], start, HOST_FAILED, 0);
    struct host *a = host(b, 'a');
    assert_int_equal(a->outs, 1);
    assert_int_equal(a->out_until_us, start + SECOND);
    balance_report(b, held[5], start + 1500 * MS, HOST_FAILED, 1500 * MS); /* it is back by now */
    assert_true(host_is_usable(a, start + 1500 * MS));
    report(b, 'a', start + 1600 * MS, HOST_FAILED, 0, 1);
    assert_false(host_is_usable(a, start + 1600 * MS));
    balance_free(b);
}

static void test_the_last_usable_host_stays(void **state)
{
    (void)state;
    struct balance *b = balance_of("abc");
    report(b, 'a', start, HOST_FAILED, 0, 3);
    for (int i = 0; i < settings.fall; i++) balance_check(b, host(b, 'b')->id, CHECK_BAD);
    for (int i = 0; i < 10; i++) report(b, 'c', start, HOST_FAILED, 0, 1);
    assert_true(host_is_usable(host(b, 'c'), start));
    assert_int_equal(share(b, 'c', start, 0), DRAWS);
    uint64_t later = start + SECOND; /* a is back: c may go */
    report(b, 'c', later, HOST_FAILED, 0, 1);
    assert_false(host_is_usable(host(b, 'c'), later));
    assert_int_equal(share(b, 'a', later, 0), DRAWS);
    balance_free(b);
}

static void test_one_host_alone_is_always_chosen(void **state)
{
    (void)state;
    struct balance *b = balance_of("");
    assert_null(choose(b, start, 0)); /* of none, none */
    set(b, "a");
    report(b, 'a', start, HOST_FAILED, 0, 5);
    for (int i = 0; i < settings.fall; i++) balance_check(b, host(b, 'a')->id, CHECK_BAD);
    assert_int_equal(share(b, 'a', start, host(b, 'a')->id), DRAWS);
    balance_free(b);
}

static void test_with_none_usable_all_are_tried(void **state)
{
    (void)state;
    struct balance *b = balance_of("abc");
    for (int i = 0; i < 3 * settings.fall; i++) balance_check(b, host(b, "abc"[i % 3])->id, CHECK_BAD);
    for (const char *l = "abc"; *l; l++) expect(share(b, *l, start, 0) > DRAWS / 4, "%c", *l);
    balance_free(b);
}

/* + and -: health checks of host a; !: it says itself that it is not ready */
static void test_health_checks_rise_and_fall(void **state)
{
    (void)state;
    static const struct { const char *checks; bool up; } cases[] = {
        { "", true },       { "--", true },      { "---", false },    { "--+--", true },    { "---+", false },
        { "---++", true },  { "---+-+", false }, { "---+-++", true }, { "---++--", true },  { "---++---", false },
        { "+++++", true },  { "-----+", false }, { "!", false },      { "!+", false },    { "!++", true },
    };
    static const enum host_check checks[] = { ['+'] = CHECK_GOOD, ['-'] = CHECK_BAD, ['!'] = CHECK_LEAVING };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct balance *b = balance_of("ab");
        for (const char *c = cases[i].checks; *c; c++) balance_check(b, host(b, 'a')->id, checks[(int)*c]);
        expect(host(b, 'a')->up == cases[i].up, "%s", cases[i].checks);
        expect((share(b, 'a', start, 0) > 0) == cases[i].up, "%s", cases[i].checks);
        assert_true(host(b, 'b')->up);
        balance_free(b);
    }
}

static void test_a_retry_goes_elsewhere(void **state)
{
    (void)state;
    struct balance *b = balance_of("abc");
    assert_int_equal(share(b, 'a', start, host(b, 'a')->id), 0);
    report(b, 'b', start, HOST_FAILED, 0, 3);
    assert_int_equal(share(b, 'c', start, host(b, 'a')->id), DRAWS);
    report(b, 'c', start, HOST_FAILED, 0, 3);
    assert_int_equal(share(b, 'a', start, host(b, 'a')->id), DRAWS); /* better the same than one that is out */
    for (int i = 0; i < settings.fall; i++) balance_check(b, host(b, 'a')->id, CHECK_BAD);
    assert_int_equal(share(b, 'a', start, host(b, 'a')->id), 0); /* none is usable: at least another */
    balance_free(b);
}

static void test_the_set_changes_under_requests(void **state)
{
    (void)state;
    forgotten = 0;
    int one = 1, two = 10;
    struct balance *b = balance_of("ab");
    struct host *a = host(b, 'a'), *held = choose_this(b, 'b', start), *kept = choose_this(b, 'a', start);
    a->extra = &one;
    held->extra = &two;
    report(b, 'a', start, HOST_GOOD, 5 * MS, 1);
    assert_true(set(b, "ca"));
    assert_ptr_equal(host(b, 'a'), a);
    assert_int_equal(a->latency_us, 5 * MS);
    assert_int_equal(a->in_flight, 1);
    assert_int_equal(share(b, 'b', start, 0), 0);
    assert_int_equal(forgotten, 0);
    balance_check(b, held->id, CHECK_BAD); /* left: nothing happens */
    assert_true(held->up);
    balance_report(b, held, start, HOST_FAILED, 0);
    assert_int_equal(forgotten, 10);
    uint32_t id = host(b, 'c')->id;
    assert_true(set(b, "ab"));
    assert_true(host(b, 'b')->id > id); /* another one, in spite of its name */
    balance_free(b);
    assert_int_equal(forgotten, 10);
    assert_string_equal(kept->address, "a");
    kept->extra = NULL; /* what outlives its set is nobody's but the test's */
    b = balance_new(&settings);
    balance_report(b, kept, start, HOST_GOOD, 0);
    balance_free(b);
}

static void test_a_set_is_changed_only_by_other_addresses(void **state)
{
    (void)state;
    static const struct { const char *first, *then; bool changed; size_t count; } cases[] = {
        { "ab", "ab", false, 2 }, { "ab", "ba", false, 2 }, { "ab", "", false, 2 },  { "ab", "abab", false, 2 },
        { "ab", "a", true, 1 },   { "ab", "abc", true, 3 }, { "ab", "cd", true, 2 }, { "ab", "ac", true, 2 },
        { "", "a", true, 1 },     { "", "aaa", true, 1 },   { "aab", "ab", false, 2 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct balance *b = balance_of(cases[i].first);
        size_t n;
        expect(set(b, cases[i].then) == cases[i].changed, "%s, %s", cases[i].first, cases[i].then);
        struct host *const *hosts = balance_hosts(b, &n);
        expect(n == cases[i].count, "%s, %s: %zu", cases[i].first, cases[i].then, n);
        for (size_t k = 0; k < n; k++) assert_int_equal(hosts[k]->holds, 1);
        balance_free(b);
    }
}

static void test_a_set_is_bounded(void **state)
{
    (void)state;
    char letters[100];
    size_t n;
    for (int i = 0; i < 99; i++) letters[i] = (char)(20 + i);
    letters[99] = 0;
    struct balance *b = balance_of(letters);
    balance_hosts(b, &n);
    assert_int_equal(n, BALANCE_HOSTS_MAX);
    balance_free(b);
}

/* One of three answers in 50 ms instead of 5, at 600 requests a second: it gets few, and all keep answering. */
static void test_a_slow_host_gets_less(void **state)
{
    (void)state;
    enum { REQUESTS = 6000 };
    static struct { struct host *host; uint64_t end; int took; } flying[REQUESTS];
    struct balance *b = balance_of("abc");
    int slow = 0;
    for (int i = 0; i < REQUESTS; i++) {
        uint64_t now = start + (uint64_t)i * 1667;
        for (int k = i < 500 ? 0 : i - 500; k < i; k++) {
            if (!flying[k].host || flying[k].end > now) continue;
            balance_report(b, flying[k].host, flying[k].end, HOST_GOOD, (uint64_t)flying[k].took);
            flying[k].host = NULL;
        }
        struct host *h = choose(b, now, 0);
        flying[i].host = h;
        flying[i].took = h->address[0] == 'c' ? 50 * MS : 5 * MS;
        flying[i].end = now + (uint64_t)flying[i].took;
        slow += h->address[0] == 'c';
    }
    for (int k = 0; k < REQUESTS; k++)
        if (flying[k].host) balance_report(b, flying[k].host, flying[k].end, HOST_UNKNOWN, 0);
    expect(slow > 0 && slow < REQUESTS / 20, "%d of %d", slow, REQUESTS);
    balance_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_share),
        cmocka_unit_test(test_the_cheaper_of_two_wins), cmocka_unit_test(test_two_are_drawn_of_many),
        cmocka_unit_test(test_latency_is_a_moving_average),
        cmocka_unit_test(test_an_unknown_latency_counts_as_the_others),
        cmocka_unit_test(test_failures_in_a_row_put_a_host_out), cmocka_unit_test(test_each_time_out_is_longer),
        cmocka_unit_test(test_what_began_before_does_not_count_again),
        cmocka_unit_test(test_the_last_usable_host_stays), cmocka_unit_test(test_one_host_alone_is_always_chosen),
        cmocka_unit_test(test_with_none_usable_all_are_tried), cmocka_unit_test(test_health_checks_rise_and_fall),
        cmocka_unit_test(test_a_retry_goes_elsewhere), cmocka_unit_test(test_the_set_changes_under_requests),
        cmocka_unit_test(test_a_set_is_changed_only_by_other_addresses), cmocka_unit_test(test_a_set_is_bounded),
        cmocka_unit_test(test_a_slow_host_gets_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
