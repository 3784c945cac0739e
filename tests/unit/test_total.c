#include "rest/total.h"

#include "sample.h"

/* What a sample of the rows says may be wrong: an index that names many more rows than it let expect is left for looking through all. */
static void test_few_that_are_many_are_counted_like_many(void **state)
{
    (void)state;
    struct arena a;
    struct list_query q;
    struct problem problem = { 0 };
    struct columns columns;
    struct sql_params params = { .values = { "%abc%" }, .count = 1 };
    arena_init(&a);
    sql_columns_of(&columns, &sample, &sample.views[VIEW_LIST]);
    assert_true(list_query_read(&a, &sample, STR("keyword=abc"), (struct list_limits){ 0 }, &q, &problem));
    struct page p = { .resource = &sample, .query = &q, .columns = &columns };
    const char *sql = arena_cstr(&a, total_count(&a, &p, STR(" AND found($1)"), NULL, &params));
    expect(strstr(sql, "FROM samples t WHERE t.deleted_time IS NULL AND found($1) AND NOT (SELECT known FROM common) LIMIT 20000) "), "%s",
           sql);
    expect(strstr(sql, "CASE WHEN (SELECT known FROM common) OR (SELECT count(*) FROM few) = 20000 THEN ARRAY[(SELECT count(*) "
                       "FROM samples t WHERE t.deleted_time IS NULL AND (t.search_text COLLATE"), "%s", sql);
    assert_int_equal(params.count, 4); /* the pattern again, size and offset of the page */
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_few_that_are_many_are_counted_like_many, sample_setup),
    };
    return cmocka_run_group_tests_name("total", tests, NULL, NULL);
}
