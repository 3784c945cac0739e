#include "schema/seal.h"

#include "sample.h"

#include <stdlib.h>

static const char ring[] = "1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=,index:Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0M=";
static struct vault *vault;
static unsigned char id_a[UUID_BYTES], id_b[UUID_BYTES];

static const struct field *const phone = &sample_fields[S_PHONE], *const email = &sample_fields[S_EMAIL],
                         *const name = &sample_fields[S_NAME];

static int begin(void **state)
{
    struct buf faults;
    buf_init(&faults, 1024);
    vault = vault_new(str_of(ring), &faults);
    seal_set_vault(vault);
    return vault && uuid_bytes(STR(UUID_A), id_a) && uuid_bytes(STR(UUID_B), id_b) ? sample_setup(state) : -1;
}

static int end(void **state)
{
    (void)state;
    vault_free(vault);
    return 0;
}

/* As PostgreSQL reads it. */
static struct str bytes_of(struct arena *a, const char *bytea)
{
    assert_true(!strncmp(bytea, "\\x", 2));
    size_t n = (strlen(bytea) - 2) / 2;
    char *bytes = arena_alloc(a, n + 1);
    for (size_t i = 0; i < n; i++) {
        const char pair[] = { bytea[2 + 2 * i], bytea[3 + 2 * i], 0 };
        bytes[i] = (char)strtol(pair, NULL, 16);
    }
    return (struct str){ bytes, n };
}

static void test_a_value_opens_in_its_record_and_field_only(void **state)
{
    (void)state;
    struct arena a;
    struct str text;
    struct resource other = sample;
    other.name = STR("other");
    arena_init(&a);
    struct str stored = bytes_of(&a, seal_write(&a, &sample, phone, id_a, "+86 138-0013-8000"));
    assert_null(seal_read(&a, &sample, phone, id_a, stored, &text));
    assert_true(str_is(text, "+86 138-0013-8000")); /* as it was written: only its index is normalised */
    assert_non_null(seal_read(&a, &sample, phone, id_b, stored, &text));
    assert_non_null(seal_read(&a, &sample, email, id_a, stored, &text));
    assert_non_null(seal_read(&a, &other, phone, id_a, stored, &text));
    assert_non_null(seal_read(&a, &sample, phone, id_a, STR("13800138000"), &text));
    assert_non_null(seal_read(&a, &sample, phone, id_a, STR(""), &text));
    arena_done(&a);
}

static void test_null_stays_null(void **state)
{
    (void)state;
    assert_null(seal_write(NULL, &sample, phone, id_a, NULL));
    assert_null(seal_index(NULL, &sample, phone, NULL));
}

static void test_indexes_are_of_what_a_value_means(void **state)
{
    (void)state;
    static const struct { const struct field *const *field; const char *one, *other; bool same; } cases[] = {
        { &phone, "13800138000", "138 0013 8000", true },
        { &phone, "+86 (138)-00138000", "+8613800138000", true },
        { &phone, "13800138000", "+8613800138000", false },
        { &phone, "(010) 6512 3456 x 12", "01065123456x12", true },
        { &phone, "010-65123456 x12", "010-6512345612", false },
        { &phone, "13800138000", "13800138001", false },
        { &email, "Zhang.San@Example.com", "zhang.san@example.COM", true },
        { &email, "a@example.com", "b@example.com", false },
        { &name, "A b", "a b", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        arena_init(&a);
        const char *one = seal_index(&a, &sample, *cases[i].field, cases[i].one);
        const char *other = seal_index(&a, &sample, *cases[i].field, cases[i].other);
        assert_int_equal(strlen(one), 2 + 2 * VAULT_INDEX);
        expect(!strcmp(one, other) == cases[i].same, "%s, %s", cases[i].one, cases[i].other);
        arena_done(&a);
    }
}

static void test_indexes_of_two_fields_have_nothing_in_common(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_string_not_equal(seal_index(&a, &sample, phone, "12345"), seal_index(&a, &sample, name, "12345"));
    arena_done(&a);
}

static void test_a_digest_is_of_text_and_key(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const char *one = seal_digest(&a, STR("idempotency"), STR("POST / 13800138000"));
    assert_string_equal(one, seal_digest(&a, STR("idempotency"), STR("POST / 13800138000")));
    assert_string_not_equal(one, seal_digest(&a, STR("idempotency"), STR("POST / 13800138001")));
    assert_string_not_equal(one, seal_digest(&a, STR("other"), STR("POST / 13800138000")));
    arena_done(&a);
}

static void test_which_resources_need_keys(void **state)
{
    (void)state;
    struct resource plain = sample;
    plain.field_count = S_PHONE;
    assert_true(seal_is_needed(&sample));
    assert_false(seal_is_needed(&plain));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_opens_in_its_record_and_field_only),
        cmocka_unit_test(test_null_stays_null),
        cmocka_unit_test(test_indexes_are_of_what_a_value_means),
        cmocka_unit_test(test_indexes_of_two_fields_have_nothing_in_common),
        cmocka_unit_test(test_a_digest_is_of_text_and_key),
        cmocka_unit_test(test_which_resources_need_keys),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
