#include "base/buf.h"
#include "schema/present.h"

#include "sample.h"

struct texts {
    struct row row;
    const char *const *of; /* by field index */
};

static struct str value(const struct row *row, int field)
{
    return str_of(((const struct texts *)row)->of[field]);
}

/* The name stands where the joined field itself would. */
static struct str name_of(const struct row *row, int field)
{
    assert_true(sample_fields[field].flags & F_JOINED);
    return value(row, field);
}

static void presents(enum view view, const char *const *texts, const char *want)
{
    struct texts row = { .row = { value, name_of, true }, .of = texts };
    struct buf b;
    buf_init(&b, 4096);
    struct jw w = jw_to(&b);
    present_row(&w, &sample, view, &row.row);
    expect(buf_ok(&b) && str_is(buf_str(&b), want), "%.*s", STR_ARG(buf_str(&b)));
    buf_done(&b);
}

/* Texts as a row gives them. */
static const char *const full[S_COUNT] = {
    [S_ID] = UUID_A, [S_CODE] = "C-1", [S_NAME] = "北京 \"A\"\\", [S_NOTE] = "a\nb", [S_KIND] = "企业", [S_OWNER_ID] = UUID_B,
    [S_OWNER_NAME] = "李\"四", [S_AMOUNT] = "1000000.00", [S_PIECES] = "-5", [S_ACTIVE] = "true", [S_DAY] = "2024-02-29",
    [S_MOMENT] = "2023-01-01 10:00:00", [S_TAGS] = "[\"a\", \"b\"]", [S_PHONE] = "", [S_VERSION] = "1",
    [S_CREATED_TIME] = "2023-01-01 10:00:00",
};

static void test_every_type(void **state)
{
    (void)state;
    presents(VIEW_DETAIL, full,
             "{\"sample_id\":\"" UUID_A
             "\",\"code\":\"C-1\",\"name\":\"北京 \\\"A\\\"\\\\\",\"note\":\"a\\nb\",\"kind\":\"企业\","
             "\"owner_id\":\"" UUID_B
             "\",\"owner_name\":\"李\\\"四\",\"contact_id\":null,\"amount\":1000000.00,\"pieces\":-5,\"active\":true,"
             "\"day\":\"2024-02-29\",\"moment\":\"2023-01-01 10:00:00\",\"tags\":[\"a\", "
             "\"b\"],\"phone\":\"\",\"email\":null,\"version\":1,"
             "\"created_time\":\"2023-01-01 10:00:00\"}");
}

static void test_nulls(void **state)
{
    (void)state;
    static const char *const nothing[S_COUNT] = { [S_ID] = UUID_A, [S_ACTIVE] = "false" };
    presents(VIEW_DETAIL, nothing,
             "{\"sample_id\":\"" UUID_A
             "\",\"code\":null,\"name\":null,\"note\":null,\"kind\":null,\"owner_id\":null,\"owner_name\":null,"
             "\"contact_id\":null,\"amount\":null,\"pieces\":null,\"active\":false,\"day\":null,\"moment\":null,"
             "\"tags\":null,\"phone\":null,"
             "\"email\":null,\"version\":null,\"created_time\":null}");
}

static void test_a_smaller_view_of_the_same_row(void **state)
{
    (void)state;
    presents(VIEW_LIST, full,
             "{\"sample_id\":\"" UUID_A "\",\"name\":\"北京 \\\"A\\\"\\\\\",\"owner_name\":\"李\\\"四\"}");
    presents(VIEW_UPDATED, full, "{\"sample_id\":\"" UUID_A "\"}");
}

static void test_a_name_that_nobody_knows_is_null(void **state)
{
    (void)state;
    static const char *const texts[S_COUNT] = { [S_ID] = UUID_A, [S_NAME] = "n", [S_OWNER_ID] = UUID_B };
    presents(VIEW_LIST, texts, "{\"sample_id\":\"" UUID_A "\",\"name\":\"n\",\"owner_name\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type), cmocka_unit_test(test_nulls), cmocka_unit_test(test_a_smaller_view_of_the_same_row),
        cmocka_unit_test(test_a_name_that_nobody_knows_is_null),
    };
    return cmocka_run_group_tests(tests, sample_setup, NULL);
}
