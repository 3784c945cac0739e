#include "rest/page.h"

#include "sample.h"

static struct arena arena;
static struct columns columns;
static struct sql_params params;

static int setup(void **state)
{
    arena_init(&arena);
    sql_columns_of(&columns, &sample, &sample.views[VIEW_LIST]);
    return sample_setup(state);
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct page page_of(const char *query, struct list_query *q)
{
    struct problem p = { 0 };
    params = (struct sql_params){ 0 };
    expect(list_query_read(&arena, &sample, str_of(query), (struct list_limits){ 0 }, q, &p), "%s", query);
    return (struct page){ .resource = &sample, .query = q, .columns = &columns };
}

static void expect_sql(struct str sql, const char *want, int count)
{
    expect(str_is(sql, want), "%.*s", STR_ARG(sql));
    assert_int_equal(params.count, count);
}

#define COLUMNS "SELECT t.sample_id, t.name, t.owner_id, t.created_time::text, t.sample_id::text "
#define ORDERED " ORDER BY t.created_time DESC, t.sample_id DESC"

/* As many as the page needs are expected among the rows; the walk is four times that. */
static void test_walk_is_as_long_as_the_finds_are_rare(void **state)
{
    (void)state;
    static const struct { int64_t page, size, total, among, rows; } cases[] = {
        { 1, 10, 0, 1000000, 0 },
        { 1, 10, 1, 1000000, 0 },
        { 1, 10, 2000, 1000000, 0 },         /* 5,000 to walk over, or 2,000 of the index, which cost as 4,000 */
        { 1, 10, 2300, 1000000, 65536 },
        { 1, 10, 50000, 1000000, 1024 },
        { 1, 10, 1000000, 1000000, 1024 },
        { 1, 200, 50000, 1000000, 16384 },
        { 20, 10, 50000, 1000000, 16384 },   /* what is before the page is walked over, too */
        { 10000, 10, 100000, 1000000, 0 },
        { 1, 10, 7, 0, 1024 },               /* a table that nobody has analyzed */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct list_query q = { .page = cases[i].page, .size = cases[i].size };
        struct page p = { .resource = &sample, .query = &q };
        int64_t rows = page_walk(&p, cases[i].total, cases[i].among);
        expect(rows == cases[i].rows, "%zu: %lld", i, (long long)rows);
    }
}

/* A row of which the maker's name is looked up costs four times as much. */
static void test_walk_that_looks_names_up_ends_sooner(void **state)
{
    (void)state;
    static const struct field fields[] = { { .name = STR("made_by"), .from = -1 },
                                           { .name = STR("maker_name"), .flags = F_JOINED | F_SEARCH, .from = 0 } };
    static const struct resource made = { .fields = fields, .field_count = COUNT(fields) };
    static const struct { const char *keyword; int64_t total, rows, further; } cases[] = {
        { NULL, 2300, 65536, 0 },
        { NULL, 16383, 4096, 0 },
        { NULL, 16384, 4096, 16384 },  /* for half of what the index costs at most */
        { "abc", 2300, 0, 0 },
        { "abc", 20000, 4096, 0 },
        { "abc", 65535, 1024, 0 },
        { "abc", 65536, 1024, 16384 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct list_query q = { .page = 1, .size = 10, .keyword = cases[i].keyword ? str_of(cases[i].keyword) : STR_NONE };
        struct page p = { .resource = &made, .query = &q };
        int64_t rows = page_walk(&p, cases[i].total, 1000000), further = page_further(&p, cases[i].total, 1024);
        expect(rows == cases[i].rows && further == cases[i].further, "%zu: %lld, %lld", i, (long long)rows, (long long)further);
    }
}

static void test_walk_is_bounded(void **state)
{
    (void)state;
    struct list_query q;
    struct page p = page_of("keyword=abc&pieces=1", &q);
    expect_sql(page_of_walk(&arena, &p, 1024, &params),
        COLUMNS "FROM (SELECT t.sample_id AS id FROM (SELECT t.* FROM samples t WHERE t.deleted_time IS NULL AND t.pieces = $1::integer"
        ORDERED " LIMIT 1024) AS t WHERE true AND (t.search_text COLLATE \"C\" LIKE (SELECT lower($2::text))) "
        "LIMIT (SELECT $3::bigint) OFFSET (SELECT $4::bigint)) AS page JOIN samples t ON t.sample_id = page.id" ORDERED, 4);
}

/* Nothing is asked of the index when the walk has met all rows that there are. */
static void test_index_is_asked_when_the_walk_was_too_short(void **state)
{
    (void)state;
    struct list_query q;
    struct page p = page_of("keyword=abc&pieces=1", &q);
    params = (struct sql_params){ .values = { "1", "%abc%" }, .count = 2 };
    expect_sql(page_beyond_walk(&arena, &p, STR(" AND where"), 1024, &params),
        COLUMNS "FROM (WITH few AS MATERIALIZED (SELECT t.sample_id, t.created_time FROM samples t WHERE t.deleted_time IS NULL AND where "
        "AND (SELECT count(*) = 1024 FROM (SELECT t.* FROM samples t WHERE t.deleted_time IS NULL AND t.pieces = $3::integer" ORDERED
        " LIMIT 1024) AS t)) SELECT t.sample_id AS id FROM few t WHERE true" ORDERED
        " LIMIT (SELECT $4::bigint) OFFSET (SELECT $5::bigint)) AS page JOIN samples t ON t.sample_id = page.id" ORDERED, 5);
}

/* Where an index has the rows in their order, the values make no difference for the plan, and are hidden from it. */
static void test_limits_are_hidden_where_one_plan_is_best(void **state)
{
    (void)state;
    static const struct { const char *query; bool is_hidden; } cases[] = {
        { "size=10", true },
        { "size=10&sort=code", true },
        { "pieces=1", true },
        { "start_date=2023-01-01", true },
        { "pieces=1&start_date=2023-01-01", true },
        { "pieces=1&sort=code", false },
        { "pieces=1&active=true", false },
        { "start_date=2023-01-01&sort=code", false },
        { "pieces=1&start_date=2023-01-01&sort=code", false },
        { "page=100", true },
        { "page=101", false }, /* from here on what is skipped may better be sorted */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct list_query q;
        struct page p = page_of(cases[i].query, &q);
        const char *sql = arena_cstr(&arena, page_in_order(&arena, &p, STR(""), &params));
        expect(!strstr(sql, " LIMIT $1::bigint OFFSET $2::bigint") == cases[i].is_hidden, "%s: %s", cases[i].query, sql);
    }
    struct list_query q;
    struct page p = page_of("page=4&size=100", &q);
    expect_sql(page_in_order(&arena, &p, STR(""), &params),
        "SELECT * FROM (" COLUMNS "FROM samples t WHERE t.deleted_time IS NULL" ORDERED " LIMIT 1024) AS t "
        "LIMIT (SELECT $1::bigint) OFFSET (SELECT $2::bigint)", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_walk_is_as_long_as_the_finds_are_rare, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk_that_looks_names_up_ends_sooner, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_index_is_asked_when_the_walk_was_too_short, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits_are_hidden_where_one_plan_is_best, setup, teardown),
    };
    return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
