/* Codes of dictionaries: sets of them, and enumerations that are kept as their code. */
#include "schema/sql.h"
#include "schema/type.h"

#include "unit.h"

static const struct choice choices[] = { { STR("user:view"), STR("看") }, { STR("user:edit"), STR("改") }, { STR("all"), STR("全部") } };
static const struct dictionary dictionary = { STR("right"), STR("权限"), choices, COUNT(choices) };
static const struct field codes = { .name = STR("rights"), .type = T_CODES, .max = 3, .dictionary = &dictionary, .from = -1 };
static const struct field coded = { .name = STR("right"), .type = T_ENUM, .flags = F_CODED, .dictionary = &dictionary, .from = -1 };
static const struct field label = { .name = STR("right"), .type = T_ENUM, .dictionary = &dictionary, .from = -1 };

static const struct { const struct field *field; const char *json, *sql, *reason; } cases[] = {
    { &codes, "[]", "{}", NULL },
    { &codes, "[\"user:view\"]", "{user:view}", NULL },
    { &codes, "[\"all\",\"user:view\",\"all\"]", "{all,user:view}", NULL }, /* a set, in the order given */
    { &codes, "[\"看\"]", "{user:view}", NULL },
    { &codes, "[\"user:fly\"]", NULL, "holds user:fly, which there is not" },
    { &codes, "[\"all\",\"\"]", NULL, "holds , which there is not" },
    { &codes, "[\"all}\"]", NULL, "holds all}, which there is not" },
    { &codes, "[\"all\",1]", NULL, "must be an array of strings" },
    { &codes, "[\"all\",null]", NULL, "must be an array of strings" },
    { &codes, "\"all\"", NULL, "must be an array of strings" },
    { &codes, "[\"all\",\"all\",\"all\",\"all\"]", NULL, "must have at most 3 elements" },
    { &coded, "\"改\"", "user:edit", NULL },
    { &coded, "\"user:edit\"", "user:edit", NULL },
    { &coded, "\"edit\"", NULL, "is not one of the allowed values" },
    { &label, "\"user:edit\"", "改", NULL },
};

static void test_values(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct problem p = { 0 };
        struct str sql = STR_NONE;
        const char *reason = type_read_json(&a, cases[i].field, json_read(&a, str_of(cases[i].json), &p), &sql);
        expect(!reason == !cases[i].reason && (!reason || !strcmp(reason, cases[i].reason)), "%s: %s", cases[i].json, reason);
        if (cases[i].sql) expect(str_is(sql, cases[i].sql), "%s: %.*s", cases[i].json, STR_ARG(sql));
    }
    arena_done(&a);
}

static void test_what_is_allowed(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_true(str_is(type_allowed(&a, &codes), "user:view, user:edit, all"));
    assert_true(str_is(type_allowed(&a, &coded), "看, 改, 全部"));
    arena_done(&a);
}

static void test_a_write_only_field_is_kept_as_its_hash(void **state)
{
    (void)state;
    static const struct field fields[] = { { .name = STR("id"), .type = T_UUID, .flags = F_READONLY, .from = -1 },
                                           { .name = STR("pin"), .type = T_TEXT, .flags = F_WRITEONLY, .from = -1 } };
    static const struct resource r = { .name = STR("r"), .table = "rs", .fields = fields, .field_count = 2 };
    struct buf b;
    buf_init(&b, 4096);
    sql_insert(&b, &r);
    sql_update(&b, &r);
    struct arena a;
    arena_init(&a);
    const char *sql = arena_cstr(&a, buf_str(&b));
    assert_non_null(strstr(sql, "(id, created_by, updated_by, pin_hash) SELECT $1::uuid, $2::uuid, $2::uuid, $4::text"));
    assert_non_null(strstr(sql, ", pin_hash = CASE WHEN ($4::bigint >> 0) & 1 = 1 THEN $6::text ELSE t.pin_hash::text END"));
    arena_done(&a);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_what_is_allowed),
        cmocka_unit_test(test_a_write_only_field_is_kept_as_its_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
