#include "schema/scope.h"

#include "schema/sql.h"

#include "sample.h"

#define RECORD "($2::text IS NULL OR t.owner = $1::uuid OR EXISTS (SELECT FROM user_ref u WHERE u.user_id = t.owner " \
               "AND u.department || '.' LIKE $2::text))"

static void test_of_a_prepared_statement(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    scope_add(&b, "t", "owner", 1, 2);
    expect(str_is(buf_str(&b), " AND " RECORD), "%.*s", STR_ARG(buf_str(&b)));
    buf_done(&b);
}

static void test_of_a_list(void **state)
{
    (void)state;
    static const struct { int owner; const char *reach, *sql; int params; bool of_departments; } cases[] = {
        { -1, SCOPE_NOBODY, "", 0, false }, /* everybody's */
        { -1, "1.%", "", 0, true },
        { S_OWNER_ID, NULL, "", 0, false },
        { S_OWNER_ID, SCOPE_NOBODY, " AND t.owner_id = $2::uuid", 1, false },
        { S_OWNER_ID, "1.4.", " AND t.owner_id = ANY (ARRAY(SELECT u.user_id FROM user_ref u WHERE u.department || '.' LIKE $3::text) "
                              "|| $2::uuid)", 2, true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct resource r = sample;
        struct scope s = { .user = UUID_A, .reach = cases[i].reach };
        struct sql_params params = { .values = { "first" }, .count = 1 };
        struct buf b;
        buf_init(&b, 4096);
        r.owner = cases[i].owner;
        scope_add_narrow(&b, &params, &r, &s);
        expect(str_is(buf_str(&b), cases[i].sql), "%zu: %.*s", i, STR_ARG(buf_str(&b)));
        assert_int_equal(params.count, 1 + cases[i].params);
        if (cases[i].params) assert_string_equal(params.values[1], UUID_A);
        if (cases[i].params > 1) assert_string_equal(params.values[2], cases[i].reach);
        assert_int_equal(scope_is_of_departments(&s), cases[i].of_departments);
        buf_done(&b);
    }
}

/* A reference reaches as far as its caller, and a record out of reach does not tell what it refers to. */
static void test_of_references(void **state)
{
    (void)state;
    struct ref scoped = sample_owner;
    struct field fields[S_COUNT];
    struct resource r = sample;
    struct buf b;
    scoped.whose = "boss";
    memcpy(fields, sample_fields, sizeof fields);
    fields[S_OWNER_ID].ref = &scoped;
    r.fields = fields;
    r.owner = S_OWNER_ID;
    buf_init(&b, 64 * 1024);
    const char *values[FIELDS_MAX] = { [S_OWNER_ID] = "o", [S_CONTACT_ID] = "c" };
    struct sql_params params = { .values = { "id", "user", "1.%" }, .count = 3 };
    sql_refuse(&b, &params, &r, values, false);
    buf_addc(&b, 0);
    assert_non_null(strstr(b.data, "x.deleted_time IS NULL AND ($3::text IS NULL OR x.boss = $2::uuid OR EXISTS"));
    assert_non_null(strstr(b.data, "t.owner_id = $4::uuid AND ($3::text IS NULL OR t.owner_id = $2::uuid OR EXISTS"));
    assert_non_null(strstr(b.data, "t.contact_id = $5::uuid AND ($3::text IS NULL OR t.owner_id = $2::uuid OR EXISTS"));
    assert_int_equal(params.count, 5);
    assert_string_equal(params.values[4], "c");
    buf_clear(&b);
    params = (struct sql_params){ .values = { "id", "user", NULL }, .count = 3 };
    sql_refuse(&b, &params, &r, values, false);
    buf_addc(&b, 0);
    assert_null(strstr(b.data, "user_ref")); /* everybody's are reached */
    assert_non_null(strstr(b.data, "t.owner_id = $4::uuid)"));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_a_prepared_statement), cmocka_unit_test(test_of_a_list), cmocka_unit_test(test_of_references),
    };
    return cmocka_run_group_tests(tests, sample_setup, NULL);
}
