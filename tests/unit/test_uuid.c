#include "base/uuid.h"

#include "base/clock.h"

#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The clock that uuid.c sees: the system's, or one that runs backwards. */
static struct timespec backwards;

int clock_gettime(clockid_t id, struct timespec *t)
{
    if (!backwards.tv_sec) return (int)syscall(SYS_clock_gettime, id, t);
    backwards.tv_nsec = backwards.tv_nsec > 1000 ? backwards.tv_nsec - 1000 : 999999999;
    *t = backwards;
    return 0;
}

static void test_valid(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        { "018c2b3e-7f00-7abc-8def-0123456789ab", true },
        { "018C2B3E-7F00-7ABC-8DEF-0123456789AB", true },
        { "00000000-0000-0000-0000-000000000000", true },
        { "018c2b3e-7f00-7abc-8def-0123456789a", false },
        { "018c2b3e-7f00-7abc-8def-0123456789abc", false },
        { "018c2b3e7f007abc8def0123456789ab", false },
        { "018c2b3e-7f00-7abc-8def_0123456789ab", false },
        { "018c2b3e-7f00-7abc-8de-f0123456789ab", false },
        { "g18c2b3e-7f00-7abc-8def-0123456789ab", false },
        { "{18c2b3e-7f00-7abc-8def-0123456789a}", false },
        { "018c2b3e-7f00-7abc-8def-0123456789a\n", false },
        { "------------------------------------", false },
        { "", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(uuid_valid(str_of(cases[i].text)) == cases[i].ok, "\"%s\"", cases[i].text);
    assert_false(uuid_valid(STR_NONE));
}

static void test_v7_has_version_variant_and_time(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char id[UUID_LEN + 1];
        int64_t before = clock_unix_ms();
        uuid_v7(id);
        expect(uuid_valid(str_of(id)), "%s", id);
        expect(id[14] == '7' && strchr("89ab", id[19]), "%s", id);
        char time[13];
        memcpy(time, id, 8);
        memcpy(time + 8, id + 9, 4);
        time[12] = 0;
        int64_t ms = (int64_t)strtoull(time, NULL, 16);
        expect(ms >= before && ms <= clock_unix_ms() + 1, "%s", id);
    }
}

static void expect_rising(int count)
{
    char last[UUID_LEN + 1] = "", id[UUID_LEN + 1];
    for (int i = 0; i < count; i++) {
        uuid_v7(id);
        expect(strcmp(last, id) < 0, "%s after %s", id, last);
        memcpy(last, id, sizeof id);
    }
}

static void test_v7_rises(void **state)
{
    (void)state;
    expect_rising(100000);
}

static void test_v7_rises_when_the_clock_goes_back(void **state)
{
    (void)state;
    clock_gettime(CLOCK_REALTIME, &backwards);
    expect_rising(10000);
    backwards.tv_sec = 0;
}

enum { THREADS = 4, PER_THREAD = 5000 };
static char ids[THREADS * PER_THREAD][UUID_LEN + 1];

static void *make_ids(void *first)
{
    char(*mine)[UUID_LEN + 1] = first;
    for (int i = 0; i < PER_THREAD; i++) uuid_v7(mine[i]);
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void test_v7_differs_between_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_ids, ids[(size_t)i * PER_THREAD]), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    qsort(ids, COUNT(ids), sizeof ids[0], by_text);
    for (size_t i = 1; i < COUNT(ids); i++) expect(strcmp(ids[i - 1], ids[i]) != 0, "%s twice", ids[i]);
}

static void test_random_bytes_fill_all(void **state)
{
    (void)state;
    unsigned char seen[1000] = { 0 }, b[1000];
    for (int round = 0; round < 20; round++) {
        random_bytes(b, sizeof b);
        for (size_t i = 0; i < sizeof b; i++) seen[i] |= b[i];
    }
    for (size_t i = 0; i < sizeof seen; i++) expect(seen[i], "byte %zu was 0 twenty times", i);
    random_bytes(b, 0);
}

static void test_text_and_bytes(void **state)
{
    (void)state;
    static const unsigned char bytes[UUID_BYTES] = { 0x01, 0x8f, 0x3c, 0x5e, 0x7a, 0x10, 0x7c, 0x3e,
                                                     0x9b, 0x1a, 0x2f, 0x6d, 0x8e, 0x4c, 0x1e, 0xf5 };
    unsigned char back[UUID_BYTES];
    char text[UUID_LEN + 1];
    uuid_text(bytes, text);
    assert_string_equal(text, "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1ef5");
    assert_true(uuid_bytes(str_of(text), back));
    assert_memory_equal(back, bytes, sizeof bytes);
    assert_true(uuid_bytes(STR("018F3C5E-7A10-7C3E-9B1A-2F6D8E4C1EF5"), back));
    assert_memory_equal(back, bytes, sizeof bytes);
    assert_false(uuid_bytes(STR("018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1ef"), back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid), cmocka_unit_test(test_v7_has_version_variant_and_time),
        cmocka_unit_test(test_v7_rises), cmocka_unit_test(test_v7_rises_when_the_clock_goes_back),
        cmocka_unit_test(test_v7_differs_between_threads),
        cmocka_unit_test(test_random_bytes_fill_all), cmocka_unit_test(test_text_and_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
