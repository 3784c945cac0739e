#include "schema/keyword.h"

#include "unit.h"

enum { SQL_MAX = 4096 };

static const struct ref maker = { .table = "makers", .id = "maker_id", .name = "maker_name" };
static const struct field made_fields[] = {
    { .name = STR("made_id"), .type = T_UUID, .flags = F_READONLY, .from = -1 },
    { .name = STR("made_by"), .type = T_UUID, .ref = &maker, .from = -1 },
    { .name = STR("maker_name"), .type = T_TEXT, .flags = F_READONLY | F_JOINED | F_SEARCH, .from = 1 },
};
static const struct resource made_resource = { .name = STR("made"), .table = "mades", .fields = made_fields, .field_count = 3,
                                               .version = -1, .dates = -1, .owner = -1 };

static const struct resource plain_resource = { .fields = made_fields, .field_count = 2 };

/* An index names the makers, who name the rows; where it cannot, and where all rows are asked, the makers are looked up once; where some
 * are, each looks its own up. */
static void test_a_keyword_is_sought_among_the_names_of_others(void **state)
{
    (void)state;
    static const struct { const char *keyword; enum seek how; const char *sql; int params; } cases[] = {
        { "abc", SEEK_INDEX, " AND (t.search_text LIKE (SELECT lower($1::text)) OR t.made_by = ANY (ARRAY(SELECT n.maker_id FROM makers n "
                             "WHERE n.is_referred AND n.search_text LIKE (SELECT lower($2::text)))))", 2 },
        { "北京", SEEK_INDEX, " AND (search_grams(t.search_text) @> ARRAY[(SELECT lower($1::text))] OR t.made_by = ANY "
                              "(ARRAY(SELECT n.maker_id FROM makers n WHERE n.is_referred AND search_grams(n.search_text) "
                              "@> ARRAY[(SELECT lower($2::text))])))", 2 },
        { "SO12345678", SEEK_INDEX, " AND (t.search_text LIKE (SELECT lower($1::text)) AND t.search_text || '' LIKE (SELECT "
                                    "lower($2::text)) OR t.made_by = ANY (ARRAY(SELECT n.maker_id FROM makers n WHERE n.is_referred "
                                    "AND n.search_text LIKE (SELECT lower($3::text)) AND n.search_text || '' LIKE (SELECT "
                                    "lower($4::text)))))", 4 },
        { "a", SEEK_INDEX, " AND (t.search_text LIKE lower($1::text) OR EXISTS (SELECT FROM makers n WHERE n.maker_id = t.made_by "
                           "AND n.search_text COLLATE \"C\" LIKE (SELECT lower($2::text))))", 2 },
        { "abc", SEEK_EACH, " AND (t.search_text COLLATE \"C\" LIKE (SELECT lower($1::text)) OR EXISTS (SELECT FROM makers n WHERE "
                            "n.maker_id = t.made_by AND n.search_text COLLATE \"C\" LIKE (SELECT lower($2::text)) OFFSET 0))", 2 },
        { "abc", SEEK_ALL, " AND (t.search_text COLLATE \"C\" LIKE (SELECT lower($1::text)) OR EXISTS (SELECT FROM makers n WHERE "
                           "n.maker_id = t.made_by AND n.search_text COLLATE \"C\" LIKE (SELECT lower($2::text))))", 2 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct list_query q = { .keyword = str_of(cases[i].keyword) };
        struct sql_params params = { 0 };
        struct arena a;
        struct buf b;
        arena_init(&a);
        buf_init(&b, SQL_MAX);
        keyword_add(&b, &params, &a, &made_resource, &q, cases[i].how);
        expect(str_is(buf_str(&b), cases[i].sql), "%.*s", STR_ARG(buf_str(&b)));
        assert_int_equal(params.count, cases[i].params);
        buf_done(&b);
        arena_done(&a);
    }
    assert_ptr_equal(keyword_reference(&made_resource, &made_fields[2]), &made_fields[1]);
    assert_null(keyword_reference(&made_resource, &made_fields[1]));
    assert_true(keyword_is_of_names(&made_resource));
    assert_false(keyword_is_of_names(&plain_resource));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_keyword_is_sought_among_the_names_of_others),
    };
    return cmocka_run_group_tests_name("keyword", tests, NULL, NULL);
}
