/* Pages of what is sought, and what they cost PostgreSQL: common/rest/page.h. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <string.h>

enum { MANY = 6000, OLD = 1500 };

/* So many customers by SQL, the oldest of whom have a name that no other has, which is returned. */
static char *customers_of(int many, int old)
{
    char *word = text("%s", unique("oldword"));
    sql(stack.customer_db,
        "INSERT INTO customers (customer_id, customer_code, customer_name, customer_type, status, pinyin, created_time) "
        "SELECT gen_random_uuid(), '%s-' || n, CASE WHEN n > %d THEN '%s' ELSE '新' END || n, '企业', '活跃', '', "
        "now() - n * interval '1 second' FROM generate_series(1, %d) n",
        unique("P"), many - old, word, many);
    sql(stack.customer_db, "ANALYZE customers");
    sql(stack.customer_db, "TRUNCATE list_total");
    return word;
}

static char *customers_of_two_times(void)
{
    return customers_of(MANY, OLD);
}

/* "id,id," of the list at `path`, of one page; `cursor`: the next one's, or NULL. */
static char *ids_of(const char *path, const char **ret_cursor)
{
    struct reply *r = expect_status(GET(path), 200);
    int rows = cJSON_GetArraySize(at(r, "data.records"));
    char *ids = text("%s", "");
    for (int i = 0; i < rows; i++) ids = text("%s%s,", ids, text_at(r, text("data.records.%d.customer_id", i)));
    if (ret_cursor) *ret_cursor = text_at(r, "data.next_cursor");
    return ids;
}

static char *newest(const char *word, int size, int offset)
{
    return sql(stack.customer_db, "SELECT coalesce(string_agg(customer_id::text || ',', ''), '') FROM (SELECT customer_id FROM customers "
                                  "WHERE strpos(search_text, '%s') > 0 ORDER BY created_time DESC, customer_id DESC LIMIT %d OFFSET %d) p",
               word, size, offset);
}

/* A quarter of all have the word, so a walk should soon meet some; but they are the oldest. */
static void test_page_of_old_finds_is_whole(void **state)
{
    (void)state;
    const char *word = customers_of_two_times(), *base = text("/api/v1/customers?size=7&keyword=%s", word);
    const int pages[] = { 1, 2, OLD / 7 + 1, OLD / 7 + 2 };
    for (size_t i = 0; i < COUNT(pages); i++)
        assert_string_equal(ids_of(text("%s&page=%d", base, pages[i]), NULL), newest(word, 7, (pages[i] - 1) * 7));
    assert_string_equal(ids_of(text("%s&total=none", base), NULL), newest(word, 7, 0));
    assert_string_equal(ids_of(text("%s&order=asc", base), NULL),
        sql(stack.customer_db, "SELECT string_agg(customer_id::text || ',', '') FROM (SELECT customer_id FROM customers WHERE "
                               "strpos(search_text, '%s') > 0 ORDER BY created_time, customer_id LIMIT 7) p", word));
}

static void test_cursor_meets_all_old_finds(void **state)
{
    (void)state;
    const char *word = customers_of_two_times();
    const char *cursor = NULL;
    int seen = 0;
    do {
        const char *after = cursor ? text("&cursor=%s", cursor) : "";
        char *ids = ids_of(text("/api/v1/customers?size=200&keyword=%s%s", word, after), &cursor);
        assert_string_equal(ids, newest(word, 200, seen));
        seen += (int)(strlen(ids) / 37);
    } while (cursor);
    assert_int_equal(seen, OLD);
}

/* Of a keyword from fewer rows on than of a filter: each of them has to be read for a count. */
static void test_total_of_a_keyword_is_kept_sooner(void **state)
{
    (void)state;
    const char *word = customers_of_two_times(), *industry_id = industry(unique("行业"));
    expect_status(GET(text("/api/v1/customers?keyword=%s", word)), 200);
    assert_int_equal(sql_count(stack.customer_db, "SELECT count(*) FROM list_total WHERE total = %d", OLD), 1);
    sql(stack.customer_db, "UPDATE customers SET industry_id = '%s' WHERE strpos(search_text, '%s') > 0", industry_id, word);
    expect_number(expect_status(GET(text("/api/v1/customers?industry_id=%s", industry_id)), 200), "data.total", OLD);
    assert_int_equal(sql_count(stack.customer_db, "SELECT count(*) FROM list_total"), 1);
}

/* The statement of a request with this part. A connection tells its last one only, which may be another by now: then once more. */
static char *statement(const char *path, const char *part)
{
    enum { TIMES = 20 };
    char *found = NULL;
    for (int i = 0; i < TIMES && !(found && *found); i++) {
        expect_status(GET(path), 200);
        found = sql(stack.customer_db, "SELECT query FROM pg_stat_activity WHERE strpos(query, $part$%s$part$) > 0 "
                                       "AND pid <> pg_backend_pid() LIMIT 1", part);
    }
    expect(*found, "no connection has done: %s", part);
    return found;
}

/* PostgreSQL plans the first five times for the values; from then on only if that promises to be cheaper. */
static void expect_one_plan(const char *path, const char *part, const char *values)
{
    enum { TIMES = 8 };
    sql(stack.customer_db, "PREPARE one AS %s", statement(path, part));
    for (int i = 0; i < TIMES; i++) sql(stack.customer_db, "EXECUTE one (%s)", values);
    long planned = sql_count(stack.customer_db, "SELECT custom_plans FROM pg_prepared_statements WHERE name = 'one'");
    sql(stack.customer_db, "DEALLOCATE one");
    expect(planned == 5, "planned %ld times: %s", planned, part);
}

/* Most have the word, but none of the newest: the index would name them all, and a longer walk finds them for less. */
static void test_walk_goes_on_where_the_index_would_cost_more(void **state)
{
    (void)state;
    enum { OF_ALL = 18000, RECENT = 1500 };
    const char *word = customers_of(OF_ALL, OF_ALL - RECENT), *path = text("/api/v1/customers?size=7&keyword=%s", word);
    assert_string_equal(ids_of(path, NULL), newest(word, 7, 0));
    statement(path, "LIMIT 16384) AS t WHERE true");
    assert_int_equal(sql_count(stack.customer_db, "SELECT count(*) FROM pg_stat_activity WHERE strpos(query, 'count(*) = 16384') > 0 "
                                                  "AND pid <> pg_backend_pid()"), 0);
}

static void test_lists_are_not_planned_anew(void **state)
{
    (void)state;
    const char *word = customers_of_two_times(), *rare = text("%s%d", word, MANY - 1),
               *ids = sql(stack.customer_db, "SELECT array_agg(customer_id) FROM (SELECT customer_id FROM customers LIMIT 10) c"),
               *seek = text("/api/v1/customers?keyword=%s", rare),
               *counting = text("'%%%s%%', '%%%s%%', 'key', '%%%s%%', '%%%s%%', 10, 0", rare, rare, rare, rare);
    expect_one_plan("/api/v1/customers", "FROM customers t WHERE t.deleted_time IS NULL ORDER BY", "10, 0");
    expect_one_plan(text("/api/v1/customers?status=%s", encoded("活跃")),
        "FROM customers t WHERE t.deleted_time IS NULL AND t.status = $1::text ORDER BY", "'活跃', 10, 0");
    expect_number(expect_status(GET(seek), 200), "data.total", 1);
    expect_one_plan(seek, "AS found) AS counted", counting);
    expect_one_plan(seek, "t.customer_id = ANY (", text("'%s'", ids)); /* what the count has found is not sought again */
    expect_one_plan(text("/api/v1/customers?keyword=%s", encoded("新")), "LIMIT 1024) AS t WHERE true", "'%新%', 10, 0");
}

static void test_lists_by_name_are_read_off_an_index(void **state)
{
    (void)state;
    customers_of_two_times();
    sql(stack.customer_db, "INSERT INTO contacts (contact_id, customer_id, contact_name, pinyin) SELECT gen_random_uuid(), customer_id, "
                           "'联系人' || random(), '' FROM customers LIMIT %d", MANY);
    const struct { const char *table, *name, *index; } cases[] = {
        { "customers", "customer_name, customer_id", "customers_name" }, { "contacts", "contact_name, contact_id", "contacts_name" }
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        sql(stack.customer_db, "ANALYZE %s", cases[i].table);
        char *plan = sql(stack.customer_db, "EXPLAIN (FORMAT JSON) SELECT * FROM %s WHERE deleted_time IS NULL ORDER BY %s LIMIT 10",
                         cases[i].table, cases[i].name);
        expect(strstr(plan, cases[i].index), "%s", plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_of_old_finds_is_whole),
        cmocka_unit_test(test_cursor_meets_all_old_finds),
        cmocka_unit_test(test_total_of_a_keyword_is_kept_sooner),
        cmocka_unit_test(test_walk_goes_on_where_the_index_would_cost_more),
        cmocka_unit_test(test_lists_are_not_planned_anew),
        cmocka_unit_test(test_lists_by_name_are_read_off_an_index),
    };
    return system_main("list pages", tests, COUNT(tests));
}
