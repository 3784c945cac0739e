#include "base/vault.h"

#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_A "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=" /* 32 times 'A' */
#define KEY_B "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="
#define KEY_C "Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0M="
#define RING "1:" KEY_A "\nindex:" KEY_C "\n"

enum { ROOM = 256 };

static struct vault *vault(const char *ring)
{
    struct buf faults;
    buf_init(&faults, 1024);
    struct vault *v = vault_new(str_of(ring), &faults);
    expect(v, "%.*s", STR_ARG(buf_str(&faults)));
    buf_done(&faults);
    return v;
}

static struct str seal(const struct vault *v, const char *context, const char *text, char room[ROOM])
{
    vault_seal(v, str_of(context), str_of(text), room);
    return (struct str){ room, strlen(text) + VAULT_OVERHEAD };
}

static bool opens(const struct vault *v, const char *context, struct str sealed, const char *want)
{
    char clear[ROOM] = "";
    const char *fault = vault_open(v, str_of(context), sealed, clear);
    return !fault && str_is((struct str){ clear, sealed.len - VAULT_OVERHEAD }, want);
}

static void test_what_was_sealed_opens(void **state)
{
    (void)state;
    static const char *const texts[] = { "13800138000", "", "北京市朝阳区", "a" };
    struct vault *v = vault(RING);
    char room[ROOM], head[VAULT_HEAD];
    vault_head(1, head);
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct str sealed = seal(v, "customer.phone", texts[i], room);
        expect(opens(v, "customer.phone", sealed, texts[i]), "%s", texts[i]);
        assert_true(str_has_prefix(sealed, (struct str){ head, sizeof head }));
        assert_true(!*texts[i] || texts[i][1] == 0 || !memmem(sealed.p, sealed.len, texts[i], strlen(texts[i])));
    }
    vault_free(v);
}

static void test_no_two_sealed_values_are_the_same(void **state)
{
    (void)state;
    struct vault *v = vault(RING);
    char one[ROOM], other[ROOM];
    assert_false(str_eq(seal(v, "c", "13800138000", one), seal(v, "c", "13800138000", other)));
    vault_free(v);
}

/* Computed by other implementations, so that the format cannot change unnoticed. The nonce of the value is zero. */
static void test_the_formats_are_what_they_were(void **state)
{
    (void)state;
    static const unsigned char stored[] = {
        0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x0a, 0x2f, 0xae, 0xdc, 0xf7, 0x69, 0x99, 0x61, 0x7b, 0x30, 0xff, 0xf1, 0xa6, 0x0d, 0x6b,
        0x7d, 0x8e, 0x2c, 0x83, 0x25,
    };
    static const unsigned char index[VAULT_INDEX] = {
        0x9f, 0x1b, 0xc7, 0xa7, 0x3c, 0xaf, 0x9e, 0x47, 0x35, 0x3e, 0x53, 0x64, 0x76, 0x41, 0x57, 0xbc,
    };
    struct vault *v = vault(RING);
    char made[VAULT_INDEX];
    assert_true(opens(v, "context", (struct str){ (const char *)stored, sizeof stored }, "text"));
    vault_index(v, STR("customer.phone"), STR("13800138000"), made);
    assert_memory_equal(made, index, sizeof index);
    vault_free(v);
}

static void test_a_changed_bit_anywhere_does_not_open(void **state)
{
    (void)state;
    struct vault *v = vault(RING "2:" KEY_B);
    char room[ROOM], clear[ROOM];
    struct str sealed = seal(v, "customer.phone", "13800138000", room);
    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        room[bit / 8] ^= (char)(1 << bit % 8);
        expect(vault_open(v, STR("customer.phone"), sealed, clear), "bit %zu", bit);
        room[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t len = 0; len < sealed.len; len++) expect(vault_open(v, STR("customer.phone"), str_sub(sealed, 0, len), clear), "%zu", len);
    assert_true(opens(v, "customer.phone", sealed, "13800138000")); /* a failure leaves nothing behind */
    vault_free(v);
}

static void test_a_value_does_not_open_elsewhere(void **state)
{
    (void)state;
    struct vault *v = vault(RING);
    char room[ROOM], clear[ROOM];
    struct str sealed = seal(v, "customer.phone", "13800138000", room);
    assert_string_equal(vault_open(v, STR("customer.email"), sealed, clear), "was changed, or belongs elsewhere");
    assert_string_equal(vault_open(v, STR("customer.phon"), sealed, clear), "was changed, or belongs elsewhere");
    vault_free(v);
}

static void test_another_key_of_the_same_name_does_not_open(void **state)
{
    (void)state;
    struct vault *v = vault(RING), *other = vault("1:" KEY_B ",index:" KEY_C), *lost = vault("2:" KEY_A ",index:" KEY_C);
    char room[ROOM], clear[ROOM];
    struct str sealed = seal(v, "c", "13800138000", room);
    assert_string_equal(vault_open(other, STR("c"), sealed, clear), "was changed, or belongs elsewhere");
    assert_string_equal(vault_open(lost, STR("c"), sealed, clear), "is sealed with a key that the key ring has not");
    vault_free(v);
    vault_free(other);
    vault_free(lost);
}

static void test_older_keys_open_and_the_first_seals(void **state)
{
    (void)state;
    struct vault *old = vault(RING), *new = vault("# 2 since Monday\n2:" KEY_B "\n1:" KEY_A "\nindex:" KEY_C);
    char room[ROOM], clear[ROOM];
    assert_int_equal(vault_current(new), 2);
    assert_true(vault_has(new, 1) && vault_has(new, 2) && !vault_has(new, 3) && !vault_has(new, 0));
    assert_true(opens(new, "c", seal(old, "c", "x", room), "x"));
    assert_non_null(vault_open(old, STR("c"), seal(new, "c", "x", room), clear));
    vault_free(old);
    vault_free(new);
}

static void test_key_rings_with_faults_are_refused_without_a_word_of_the_keys(void **state)
{
    (void)state;
    static const struct { const char *ring, *fault; } cases[] = {
        { "", "data keys: there is none with a number\ndata keys: there is no index key\n" },
        { "1:" KEY_A, "data keys: there is no index key\n" },
        { "index:" KEY_A, "data keys: there is none with a number\n" },
        { RING "1:" KEY_B, "data keys: entry 3 has an id that stands before\n" },
        { RING "2:" KEY_A, "data keys: entry 3 has a key that stands before\n" },
        { RING "2:" KEY_C, "data keys: entry 3 has a key that stands before\n" },
        { "0:" KEY_A, "data keys: entry 1 must begin with index: or with a number from 1 to 4294967295 and a colon\n" },
        { "4294967296:" KEY_A, "data keys: entry 1 must begin with index: or with a number from 1 to 4294967295 and a colon\n" },
        { KEY_A, "data keys: entry 1 must begin with index: or with a number from 1 to 4294967295 and a colon\n" },
        { "1", "data keys: entry 1 has no key of 32 bytes in base64\n" },
        { "1:QUFBQQ==", "data keys: entry 1 has no key of 32 bytes in base64\n" },
        { "1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB", "data keys: entry 1 has no key of 32 bytes in base64\n" },
        { "1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQ==", "data keys: entry 1 has no key of 32 bytes in base64\n" },
        { "1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF*QUFBQUFBQUE=", "data keys: entry 1 has no key of 32 bytes in base64\n" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf faults;
        buf_init(&faults, 4096);
        assert_null(vault_new(str_of(cases[i].ring), &faults));
        struct str said = buf_str(&faults), first = str_of(cases[i].fault);
        expect(str_has_prefix(said, first), "%s: %.*s", cases[i].ring, STR_ARG(said));
        buf_done(&faults);
    }
}

static void test_key_rings_are_read_leniently_where_nothing_is_in_doubt(void **state)
{
    (void)state;
    static const char *const rings[] = {
        "index:" KEY_C "\n1:" KEY_A, "1:" KEY_A ",index:" KEY_C, "\r\n 1 : " KEY_A " \r\n\r\nindex: " KEY_C "\r\n", RING ",,\n#x:1\n"
    };
    for (size_t i = 0; i < COUNT(rings); i++) {
        struct vault *v = vault(rings[i]);
        assert_int_equal(vault_current(v), 1);
        vault_free(v);
    }
}

static void test_equal_values_have_equal_indexes_in_one_domain_under_one_key(void **state)
{
    (void)state;
    struct vault *v = vault(RING), *same = vault("2:" KEY_B ",index:" KEY_C), *other = vault("1:" KEY_A ",index:" KEY_B);
    char one[VAULT_INDEX], two[VAULT_INDEX];
    static const struct { const char *domain, *value; } others[] = {
        { "customer.email", "13800138000" }, { "customer.phone", "13800138001" }
    };
    vault_index(v, STR("customer.phone"), STR("13800138000"), one);
    vault_index(same, STR("customer.phone"), STR("13800138000"), two);
    assert_memory_equal(one, two, VAULT_INDEX); /* whatever seals: rotation leaves indexes alone */
    for (size_t i = 0; i < COUNT(others); i++) {
        vault_index(v, str_of(others[i].domain), str_of(others[i].value), two);
        assert_memory_not_equal(one, two, VAULT_INDEX);
    }
    vault_index(other, STR("customer.phone"), STR("13800138000"), two);
    assert_memory_not_equal(one, two, VAULT_INDEX);
    vault_free(v);
    vault_free(same);
    vault_free(other);
}

/* Keys of domains are kept, but not of all that there may be. */
static void test_many_domains_have_their_own_indexes(void **state)
{
    (void)state;
    enum { DOMAINS = 50 };
    struct vault *v = vault(RING);
    char first[DOMAINS][VAULT_INDEX], again[VAULT_INDEX], domain[32];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < DOMAINS; i++) {
            snprintf(domain, sizeof domain, "customer.field_%d", i);
            vault_index(v, str_of(domain), STR("13800138000"), round ? again : first[i]);
            if (round) assert_memory_equal(first[i], again, VAULT_INDEX);
            else if (i) assert_memory_not_equal(first[i - 1], first[i], VAULT_INDEX);
        }
    vault_free(v);
}

static void *work(void *arg)
{
    const struct vault *v = arg;
    char room[ROOM];
    long good = 0;
    for (int i = 0; i < 2000; i++) good += opens(v, "c", seal(v, "c", "13800138000", room), "13800138000");
    return (void *)good;
}

static void test_threads_share_a_vault(void **state)
{
    (void)state;
    struct vault *v = vault(RING);
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, work, v), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *good;
        pthread_join(threads[i], &good);
        assert_int_equal((long)good, 2000);
    }
    vault_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_sealed_opens),
        cmocka_unit_test(test_no_two_sealed_values_are_the_same),
        cmocka_unit_test(test_the_formats_are_what_they_were),
        cmocka_unit_test(test_a_changed_bit_anywhere_does_not_open),
        cmocka_unit_test(test_a_value_does_not_open_elsewhere),
        cmocka_unit_test(test_another_key_of_the_same_name_does_not_open),
        cmocka_unit_test(test_older_keys_open_and_the_first_seals),
        cmocka_unit_test(test_key_rings_with_faults_are_refused_without_a_word_of_the_keys),
        cmocka_unit_test(test_key_rings_are_read_leniently_where_nothing_is_in_doubt),
        cmocka_unit_test(test_equal_values_have_equal_indexes_in_one_domain_under_one_key),
        cmocka_unit_test(test_many_domains_have_their_own_indexes),
        cmocka_unit_test(test_threads_share_a_vault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
