#include "rest/total.h"

#include "sample.h"

static struct sql_params params;

/* The statement for what `query` asks, whose filters are one parameter. */
static const char *count_of(struct arena *a, const char *query)
{
    struct list_query q;
    struct problem problem = { 0 };
    struct columns columns;
    params = (struct sql_params){ .values = { "%abc%" }, .count = 1 };
    sql_columns_of(&columns, &sample, &sample.views[VIEW_LIST]);
    expect(list_query_read(a, &sample, str_of(query), (struct list_limits){ 0 }, &q, &problem), "%s", query);
    struct page p = { .resource = &sample, .query = &q, .columns = &columns };
    return arena_cstr(a, total_count(a, &p, STR(" AND found($1)"), NULL, &params));
}

/* What a sample of the rows says may be wrong: an index that names many more rows than it let expect is left for looking through all. */
static void test_few_that_are_many_are_counted_like_many(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const char *sql = count_of(&a, "keyword=abc");
    expect(strstr(sql, "FROM samples t WHERE t.deleted_time IS NULL AND found($1) AND NOT (SELECT known FROM common) LIMIT 20000) "), "%s",
           sql);
    expect(strstr(sql, "CASE WHEN (SELECT known FROM common) OR (SELECT count(*) FROM few) = 20000 THEN ARRAY[(SELECT count(*) "
                       "FROM samples t WHERE t.deleted_time IS NULL AND (t.search_text COLLATE"), "%s", sql);
    assert_int_equal(params.count, 5); /* the pattern twice again, size and offset of the page */
    arena_done(&a);
}

/* The index names all rows that have the keyword, also those that something else rules out. */
static void test_sample_is_asked_for_the_keyword_alone(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const char *sql = count_of(&a, "keyword=abc&pieces=1");
    expect(strstr(sql, "count(*) FILTER (WHERE true AND (t.search_text COLLATE \"C\" LIKE (SELECT lower($4::text)))) AS hits"), "%s", sql);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_few_that_are_many_are_counted_like_many, sample_setup),
        cmocka_unit_test_setup(test_sample_is_asked_for_the_keyword_alone, sample_setup),
    };
    return cmocka_run_group_tests_name("total", tests, NULL, NULL);
}
