/* Totals that are stored: for how long, after how many changes, and whose: rest/total.h. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MANY = 6000 };

static int total(const char *industry_id, const char *more)
{
    return number_at(expect_status(GET(text("/api/v1/customers?size=1&industry_id=%s%s", industry_id, more)), 200),
                     "data.total");
}

static void change(const char *industry_id, int count)
{
    sql(stack.customer_db, "UPDATE customers SET description = '%s' WHERE customer_id IN (SELECT customer_id FROM customers "
                           "WHERE industry_id = '%s' LIMIT %d)", unique("改"), industry_id, count);
}

/* One more than is true, so that who only adds what has changed can be told from who counts. */
static void falsify(void)
{
    sql(stack.customer_db, "UPDATE list_total SET total = total + 1");
}

/* --- after changes ------------------------------------------------------------------------------------------------- */

/* Events are looked through only while that is less work than counting. */
static void test_total_is_counted_anew_after_many_changes(void **state)
{
    (void)state;
    char *id = customers_in_bulk(MANY);
    assert_int_equal(total(id, ""), MANY);
    falsify();
    assert_int_equal(total(id, ""), MANY + 1);
    sql(stack.customer_db, "UPDATE customers SET description = '改' WHERE industry_id = '%s'", id);
    assert_int_equal(total(id, ""), MANY);
}

/* To find what a keyword finds is little work when that is little. */
static void test_total_of_a_keyword_is_counted_anew_the_sooner_the_less_it_finds(void **state)
{
    (void)state;
    char *id = customers_in_bulk(MANY);
    const char *keyword = "&keyword=制药";
    assert_int_equal(total(id, keyword), MANY / 3);
    falsify();
    assert_int_equal(total(id, keyword), MANY / 3 + 1);
    change(id, MANY / 3 / 2 - 100);
    assert_int_equal(total(id, keyword), MANY / 3 + 1);
    change(id, MANY / 3 / 2 + 100);
    assert_int_equal(total(id, keyword), MANY / 3);
}

/* Round trips to PostgreSQL for lists so far. */
static long trips(const struct replica *s)
{
    struct reply *r = expect_status(http_send(&(struct request){ .method = "GET", .url = text("%s/metrics", s->url) }), 200);
    const char *line = strstr(r->body, "http_request_database_trips_total{operation=\"listCustomers\"} ");
    return line ? atol(strchr(line, ' ')) : 0;
}

/* Or all who ask after many changes would look through them at once, and nobody be answered until all have. */
static void test_who_looks_through_many_changes_does_so_in_line(void **state)
{
    static const struct { int changes, trips; } cases[] = {
        { 0, 1 },
        { 20, 1 },  /* with the page */
        { 80, 2 },  /* and stores it */
        { 300, 3 }, /* after the others of the line */
        { 0, 1 },
    };
    (void)state;
    struct replica s = replica_start("customer-service", "WORKERS=1", NULL);
    target(s.url);
    char *id = customers_in_bulk(MANY);
    total(id, "");
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cases[i].changes) change(id, cases[i].changes);
        long before = trips(&s);
        assert_int_equal(total(id, ""), MANY);
        expect(trips(&s) - before == cases[i].trips, "%d changes: %ld trips", cases[i].changes, trips(&s) - before);
    }
    target(stack.customer_url);
    assert_int_equal(replica_stop(&s), 0);
}

/* --- whose --------------------------------------------------------------------------------------------------------- */

static void *ask(void *path)
{
    expect_status(http_send(&(struct request){ .method = "GET", .url = path, .token = stack.admin_token, .fresh = true }), 200);
    return NULL;
}

static bool is_waited_for(void *table)
{
    return sql_count(stack.customer_db, "SELECT count(*) FROM pg_locks WHERE relation = '%s'::regclass AND NOT granted", (char *)table) > 0;
}

/* Two counts in one line, of which the first takes long: is the second kept? */
static bool is_kept_behind(const struct replica *s, const char *word, int rows)
{
    pthread_t first, second;
    PGconn *other = PQconnectdb(stack.customer_db);
    PQclear(PQexec(other, "BEGIN; LOCK TABLE contacts"));
    pthread_create(&first, NULL, ask, text("%s/api/v1/contacts?keyword=%s", s->url, word));
    assert_true(poll_until(10, is_waited_for, text("contacts")));
    pthread_create(&second, NULL, ask, text("%s/api/v1/customers?keyword=%s", s->url, word));
    nanosleep(&(struct timespec){ 0, 200 * 1000 * 1000 }, NULL);
    PQclear(PQexec(other, "COMMIT"));
    PQfinish(other);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    return sql_count(stack.customer_db, "SELECT count(*) FROM list_total WHERE total = %d", rows) > 0;
}

/* Where many count, each of them has to do so once. The second may come late. */
static void test_total_is_kept_whose_count_waited_long(void **state)
{
    enum { ROWS = 17 };
    (void)state;
    struct replica s = replica_start("customer-service", "WORKERS=1", NULL);
    bool is_kept = false;
    for (int i = 0; !is_kept && i < 3; i++) {
        const char *word = unique("waited");
        for (int n = 0; n < ROWS; n++) customer(word, NULL);
        sql(stack.customer_db, "TRUNCATE list_total");
        is_kept = is_kept_behind(&s, word, ROWS);
    }
    assert_true(is_kept);
    assert_int_equal(replica_stop(&s), 0);
}

/* --- for how long -------------------------------------------------------------------------------------------------- */

static void test_total_is_kept_for_a_day(void **state)
{
    (void)state;
    char *id = customers_in_bulk(MANY);
    const struct {
        const char *age;
        int total, kept;
    } cases[] = { { "23 hours", MANY + 1, 1 }, { "25 hours", MANY, 0 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        sql(stack.customer_db, "TRUNCATE list_total");
        assert_int_equal(total(id, ""), MANY);
        sql(stack.customer_db, "UPDATE list_total SET total = total + 1, stored_at = now() - interval '%s'", cases[i].age);
        assert_int_equal(total(id, ""), cases[i].total);
        sql(stack.customer_db, "UPDATE list_total SET stored_at = now() - interval '%s'", cases[i].age);
        sql(stack.customer_db, "SELECT housekeeping()");
        assert_int_equal(sql_count(stack.customer_db, "SELECT count(*) FROM list_total"), cases[i].kept);
    }
    sql(stack.customer_db, "INSERT INTO list_total SELECT sha256(n::text::bytea), 5000, pg_current_snapshot(), now() - n * interval "
                           "'1 second' FROM generate_series(1, 12000) n");
    sql(stack.customer_db, "SELECT housekeeping()");
    assert_in_range(sql_count(stack.customer_db, "SELECT count(*) FROM list_total"), 9000, 10001);
    sql(stack.customer_db, "TRUNCATE list_total");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_total_is_counted_anew_after_many_changes),
        cmocka_unit_test(test_total_of_a_keyword_is_counted_anew_the_sooner_the_less_it_finds),
        cmocka_unit_test(test_who_looks_through_many_changes_does_so_in_line),
        cmocka_unit_test(test_total_is_kept_whose_count_waited_long),
        cmocka_unit_test(test_total_is_kept_for_a_day),
    };
    return system_main("stored totals", tests, COUNT(tests));
}
