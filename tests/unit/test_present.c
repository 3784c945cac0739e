#include "base/buf.h"
#include "schema/present.h"

#include "sample.h"

static struct str value_of(const struct row *row, size_t column)
{
    const char *const *texts = row->names;
    return str_of(texts[column]);
}

static struct str name_of(const struct row *row, const struct ref *ref, struct str id)
{
    (void)row;
    assert_ptr_equal(ref, &sample_owner);
    return str_is(id, UUID_B) ? STR("李\"四") : STR_NONE;
}

static void presents(enum view view, const struct field_list *columns, const char *const *texts, const char *want)
{
    struct row row = { .columns = columns, .value = value_of, .name_of = name_of, .names = (void *)texts };
    struct buf b;
    buf_init(&b, 4096);
    struct jw w = jw_to(&b);
    present_row(&w, &sample, view, &row);
    expect(buf_ok(&b) && str_is(buf_str(&b), want), "%.*s", STR_ARG(buf_str(&b)));
    buf_done(&b);
}

/* Texts as PostgreSQL prints them; a joined name's column holds the id that it names. */
static const char *const full[S_COUNT] = {
    [S_ID] = UUID_A, [S_CODE] = "C-1", [S_NAME] = "北京 \"A\"\\", [S_NOTE] = "a\nb", [S_KIND] = "企业", [S_OWNER_ID] = UUID_B,
    [S_OWNER_NAME] = UUID_B, [S_AMOUNT] = "1000000.00", [S_PIECES] = "-5", [S_ACTIVE] = "t", [S_DAY] = "2024-02-29",
    [S_MOMENT] = "2023-01-01 10:00:00.123456+08", [S_TAGS] = "[\"a\", \"b\"]", [S_PHONE] = "", [S_VERSION] = "1",
    [S_CREATED_TIME] = "2023-01-01 10:00:00+08",
};

static void test_every_type(void **state)
{
    (void)state;
    presents(VIEW_DETAIL, &sample.views[VIEW_DETAIL], full,
        "{\"sample_id\":\"" UUID_A "\",\"code\":\"C-1\",\"name\":\"北京 \\\"A\\\"\\\\\",\"note\":\"a\\nb\",\"kind\":\"企业\","
        "\"owner_id\":\"" UUID_B "\",\"owner_name\":\"李\\\"四\",\"contact_id\":null,\"amount\":1000000.00,\"pieces\":-5,\"active\":true,"
        "\"day\":\"2024-02-29\",\"moment\":\"2023-01-01 10:00:00\",\"tags\":[\"a\", \"b\"],\"phone\":\"\",\"email\":null,\"version\":1,"
        "\"created_time\":\"2023-01-01 10:00:00\"}");
}

static void test_nulls(void **state)
{
    (void)state;
    static const char *const nothing[S_COUNT] = { [S_ID] = UUID_A, [S_ACTIVE] = "f" };
    presents(VIEW_DETAIL, &sample.views[VIEW_DETAIL], nothing,
        "{\"sample_id\":\"" UUID_A "\",\"code\":null,\"name\":null,\"note\":null,\"kind\":null,\"owner_id\":null,\"owner_name\":null,"
        "\"contact_id\":null,\"amount\":null,\"pieces\":null,\"active\":false,\"day\":null,\"moment\":null,\"tags\":null,\"phone\":null,"
        "\"email\":null,\"version\":null,\"created_time\":null}");
}

static void test_a_smaller_view_of_the_same_row(void **state)
{
    (void)state;
    presents(VIEW_LIST, &sample.views[VIEW_DETAIL], full,
             "{\"sample_id\":\"" UUID_A "\",\"name\":\"北京 \\\"A\\\"\\\\\",\"owner_name\":\"李\\\"四\"}");
    presents(VIEW_UPDATED, &sample.views[VIEW_DETAIL], full, "{\"sample_id\":\"" UUID_A "\"}");
}

static void test_a_view_with_its_own_columns(void **state)
{
    (void)state;
    static const struct { const char *texts[3], *want; } cases[] = {
        { { UUID_A, "n", UUID_B }, "{\"sample_id\":\"" UUID_A "\",\"name\":\"n\",\"owner_name\":\"李\\\"四\"}" },
        { { UUID_A, "n", UUID_A }, "{\"sample_id\":\"" UUID_A "\",\"name\":\"n\",\"owner_name\":null}" }, /* nobody knows it */
        { { UUID_A, "n", NULL }, "{\"sample_id\":\"" UUID_A "\",\"name\":\"n\",\"owner_name\":null}" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) presents(VIEW_LIST, &sample.views[VIEW_LIST], cases[i].texts, cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type), cmocka_unit_test(test_nulls), cmocka_unit_test(test_a_smaller_view_of_the_same_row),
        cmocka_unit_test(test_a_view_with_its_own_columns),
    };
    return cmocka_run_group_tests(tests, sample_setup, NULL);
}
