/* Totals and cursors of long lists: contract.md, Lists. More rows than a total is counted for each time. */
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

enum { MANY = 6000 };

static int total(const char *industry_id, const char *more)
{
    return number_at(expect_status(GET(text("/api/v1/customers?size=1&industry_id=%s%s", industry_id, more)), 200),
                     "data.total");
}

/* The same, by counting. */
static void expect_true_totals(const char *id)
{
    static const struct {
        const char *query, *where;
    } filters[] = {
        { "", "true" },
        { "&customer_type=企业", "customer_type = '企业'" },
        { "&keyword=制药", "customer_name LIKE '%制药%'" },
        { "&keyword=西部医院", "customer_name LIKE '%西部医院%'" },
        { "&status=LOST", "status = '流失'" },
    };
    for (size_t i = 0; i < COUNT(filters); i++) {
        long truth =
            sql_count(stack.customer_db,
                      "SELECT count(*) FROM customers WHERE industry_id = '%s' AND deleted_time IS NULL AND %s", id,
                      filters[i].where);
        int told = total(id, filters[i].query);
        expect(told == truth, "%s: total %d, counted %ld", filters[i].query, told, truth);
    }
}

/* --- totals ------------------------------------------------------------------------------------------------------- */

static void test_total_is_exact_after_each_kind_of_write(void **state)
{
    (void)state;
    char *id = customers_in_bulk(MANY), *member = text("\"industry_id\":\"%s\"", id);
    assert_int_equal(total(id, ""), MANY);
    expect_true_totals(id);
    char *one = customer("东方制药新", member);
    expect_true_totals(id);
    expect_status(PUT(customer_path(one), "{\"customer_type\":\"政府\",\"status\":\"LOST\"}"), 200);
    expect_true_totals(id);
    expect_status(PUT(customer_path(one), "{\"customer_name\":\"改了名\"}"), 200);
    expect_true_totals(id);
    expect_status(DELETE(customer_path(one)), 200);
    assert_int_equal(total(id, ""), MANY);
    expect_true_totals(id);
    expect_status(POST(text("%s/restore", customer_path(one)), "{}"), 200);
    assert_int_equal(total(id, ""), MANY + 1);
    expect_true_totals(id);
    expect_status(PUT(customer_path(one), "{\"industry_id\":null}"), 200);
    assert_int_equal(total(id, ""), MANY);
    expect_true_totals(id);
}

static void test_total_is_exact_after_bulk_changes(void **state)
{
    (void)state;
    char *id = customers_in_bulk(MANY);
    expect_true_totals(id);
    sql(stack.customer_db,
        "UPDATE customers SET deleted_time = now() WHERE industry_id = '%s' AND customer_code LIKE '%%7'", id);
    expect_true_totals(id);
    sql(stack.customer_db,
        "UPDATE customers SET customer_type = '企业', customer_name = '制药' || customer_name WHERE industry_id = '%s' "
        "AND customer_code LIKE '%%3'",
        id);
    expect_true_totals(id);
    sql(stack.customer_db, "UPDATE customers SET deleted_time = NULL WHERE industry_id = '%s'", id);
    expect_true_totals(id);
}

/* A writer that began before the count and commits after it: neither counted then nor lost later. */
static void test_total_sees_a_transaction_that_commits_late(void **state)
{
    (void)state;
    char *id = customers_in_bulk(MANY);
    PGconn *late = PQconnectdb(stack.customer_db);
    PQclear(PQexec(late, "BEGIN"));
    PQclear(PQexec(late, text("INSERT INTO customers (customer_id, customer_code, customer_name, customer_type, "
                              "status, industry_id) VALUES "
                              "(gen_random_uuid(), '%s', '迟到', '企业', '活跃', '%s')",
                              unique("L"), id)));
    assert_int_equal(total(id, ""), MANY);
    customer("期间", text("\"industry_id\":\"%s\"", id));
    assert_int_equal(total(id, ""), MANY + 1);
    PGresult *done = PQexec(late, "COMMIT");
    assert_int_equal(PQresultStatus(done), PGRES_COMMAND_OK);
    PQclear(done);
    PQfinish(late);
    assert_int_equal(total(id, ""), MANY + 2);
    expect_true_totals(id);
}

static void test_total_is_the_same_on_every_replica(void **state)
{
    (void)state;
    char *id = customers_in_bulk(MANY);
    struct replica other = replica_start("customer-service", "WORKERS=1", NULL);
    assert_int_equal(total(id, ""), MANY);
    char *one = customer("此处", text("\"industry_id\":\"%s\"", id));
    target(other.url);
    assert_int_equal(total(id, ""), MANY + 1);
    expect_status(DELETE(customer_path(one)), 200);
    target(stack.customer_url);
    assert_int_equal(total(id, ""), MANY);
    assert_int_equal(replica_stop(&other), 0);
}

struct writer {
    const char *industry_id;
    bool stop;
    int made, failed;
};

static void *write_on(void *arg)
{
    struct writer *w = arg;
    while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
        struct reply *r = http_send(&(struct request){
            .method = "POST",
            .url = text("%s/api/v1/customers", stack.customer_url),
            .token = stack.admin_token,
            .body = text("{\"customer_name\":\"并发\",\"customer_type\":\"企业\",\"industry_id\":\"%s\"}",
                         w->industry_id) });
        if (r->status == 200)
            __atomic_add_fetch(&w->made, 1, __ATOMIC_ACQ_REL);
        else
            w->failed++;
    }
    return NULL;
}

/* While one client writes, every total lies between what was acknowledged before and after it. */
static void test_total_is_exact_while_others_write(void **state)
{
    (void)state;
    char *id = customers_in_bulk(MANY);
    struct writer w = { .industry_id = id };
    pthread_t thread;
    pthread_create(&thread, NULL, write_on, &w);
    int low = 0, high = 0, told = 0;
    double deadline = now_s() + 20;
    while (now_s() < deadline && high < 60) {
        low = __atomic_load_n(&w.made, __ATOMIC_ACQUIRE);
        told = total(id, "");
        high = __atomic_load_n(&w.made, __ATOMIC_ACQUIRE);
        if (told < MANY + low || told > MANY + high + 1) break;
    }
    __atomic_store_n(&w.stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    expect(told >= MANY + low && told <= MANY + high + 1, "total %d with %d to %d written", told, MANY + low,
           MANY + high + 1);
    assert_int_equal(w.failed, 0);
    assert_true(w.made >= 60);
    assert_int_equal(total(id, ""), MANY + w.made);
}

/* Keywords of both kinds: what many of the newest rows have is counted by looking through all texts, the rest by an index. */
static void test_total_of_a_keyword_is_exact_however_common(void **state)
{
    (void)state;
    customers_in_bulk(MANY);
    sql(stack.customer_db, "UPDATE customers SET customer_name = '凤凰' || customer_name WHERE customer_code LIKE '%%77'");
    const char *const keywords[] = { "西部医院", "医院", "院", "部医院1", "凤凰", "凰", "凤凰西", "部", "1", "医院17" };
    for (size_t i = 0; i < COUNT(keywords); i++) {
        long truth = sql_count(stack.customer_db, "SELECT count(*) FROM customers WHERE deleted_time IS NULL AND "
                                                  "strpos(search_text, '%s') > 0", keywords[i]);
        const char *const modes[] = { "exact", "exact", "none" }; /* counted, and as it was stored */
        for (size_t k = 0; k < COUNT(modes); k++) {
            struct reply *r = expect_status(GET(text("/api/v1/customers?size=3&total=%s&keyword=%s", modes[k], encoded(keywords[i]))), 200);
            if (k < 2) expect_number(r, "data.total", truth);
            char *ids = text("%s", "");
            for (int n = 0; n < 3; n++) ids = text("%s%s,", ids, text_at(r, text("data.records.%d.customer_id", n)));
            assert_string_equal(ids, sql(stack.customer_db,
                "SELECT string_agg(customer_id::text || ',', '') FROM (SELECT customer_id FROM customers WHERE deleted_time IS NULL "
                "AND strpos(search_text, '%s') > 0 ORDER BY created_time DESC, customer_id DESC LIMIT 3) page", keywords[i]));
        }
    }
}

static void test_total_can_be_estimated_or_left_out(void **state)
{
    (void)state;
    char *id = customers_in_bulk(50);
    struct reply *r = expect_status(GET(text("/api/v1/customers?total=none&industry_id=%s", id)), 200);
    assert_true(is_null_at(r, "data.total") && is_null_at(r, "data.pages"));
    assert_int_equal(cJSON_GetArraySize(at(r, "data.records")), 10);
    r = expect_status(GET(text("/api/v1/customers?total=estimate&industry_id=%s", id)), 200);
    expect_number(r, "data.total", 50);
    expect_number(r, "data.pages", 5);
    assert_int_equal(total(id, "&total=exact"), 50);
}

/* --- far pages and cursors ---------------------------------------------------------------------------------------- */

static void test_list_is_the_same_far_in(void **state)
{
    (void)state;
    char *id = customers_in_bulk(MANY);
    const char *const sorts[] = { "created_time", "customer_name", "customer_code" };
    for (size_t s = 0; s < COUNT(sorts); s++) {
        struct reply *r = expect_status(
            GET(text("/api/v1/customers?industry_id=%s&sort=%s&order=asc&size=7&page=800", id, sorts[s])), 200);
        char *ids = text("%s", "");
        for (int i = 0; i < 7; i++) ids = text("%s%s,", ids, text_at(r, text("data.records.%d.customer_id", i)));
        assert_string_equal(
            ids, sql(stack.customer_db,
                     "SELECT string_agg(customer_id::text || ',', '') FROM (SELECT customer_id FROM customers "
                     "WHERE industry_id = '%s' ORDER BY %s, customer_id OFFSET 5593 LIMIT 7) page",
                     id, sorts[s]));
    }
}

/* Walks by cursor and returns how many records it has seen, in the order of `sql_order`. */
static void expect_walk(const char *id, const char *sort, const char *order, int size)
{
    const char *cursor = NULL;
    int seen = 0;
    char *expected =
        sql(stack.customer_db,
            "SELECT string_agg(customer_id::text || ',', '' ORDER BY %s %s, customer_id %s) FROM customers "
            "WHERE industry_id = '%s' AND deleted_time IS NULL",
            sort, order, order, id);
    do {
        struct reply *r =
            expect_status(GET(text("/api/v1/customers?total=none&industry_id=%s&sort=%s&order=%s&size=%d%s%s", id, sort,
                                   order, size, cursor ? "&cursor=" : "", cursor ? encoded(cursor) : "")),
                          200);
        for (int i = 0; i < cJSON_GetArraySize(at(r, "data.records")); i++, seen++) {
            const char *got = text_at(r, text("data.records.%d.customer_id", i));
            expect(strncmp(got, expected, 36) == 0, "%s %s: record %d is %s instead of %.36s", sort, order, seen, got,
                   expected);
            expected += 37;
        }
        cursor = text_at(r, "data.next_cursor");
    } while (cursor);
    expect(*expected == 0 && seen > 0, "%s %s: the walk ended after %d records", sort, order, seen);
}

static void test_cursor_walks_all_records_exactly_once(void **state)
{
    (void)state;
    char *id = customers_in_bulk(200);
    const char *const sorts[] = { "created_time", "updated_time", "customer_name", "customer_code" };
    for (size_t s = 0; s < COUNT(sorts); s++) {
        expect_walk(id, sorts[s], "asc", 20);
        expect_walk(id, sorts[s], "desc", 33);
    }
}

static void test_cursor_is_not_disturbed_by_new_records(void **state)
{
    (void)state;
    char *id = customers_in_bulk(20);
    struct reply *first = GET(text("/api/v1/customers?industry_id=%s&size=10", id));
    char *next = text("/api/v1/customers?industry_id=%s&size=10&cursor=%s", id, text_at(first, "data.next_cursor"));
    char *before = text("%s", text_at(GET(next), "data.records.0.customer_id"));
    customer("插队", text("\"industry_id\":\"%s\"", id));
    struct reply *second = GET(next);
    expect_text(second, "data.records.0.customer_id", before);
    assert_int_equal(cJSON_GetArraySize(at(second, "data.records")), 10);
}

static void test_cursor_that_was_forged_is_refused(void **state)
{
    (void)state;
    char *id = customers_in_bulk(20), *base = text("/api/v1/customers?industry_id=%s&size=5", id);
    const char *good = text_at(GET(base), "data.next_cursor");
    expect_status(GET(text("%s&cursor=%s", base, good)), 200);
    for (size_t i = 0; i < strlen(good); i += 11) {
        char *bad = text("%s", good);
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        expect_error(GET(text("%s&cursor=%s", base, bad)), 400, "INVALID_FIELD", "cursor");
    }
    const char *const bad[] = {
        "", "x", "%00", "%27%20OR%201=1", text("%.20s", good), text("%sAAAA", good), repeat("A", 600)
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_error(GET(text("%s&cursor=%s", base, bad[i])), 400, i == 2 ? "BAD_REQUEST" : "INVALID_FIELD", NULL);
    const char *const elsewhere[] = { "sort=customer_name", "order=asc", "page=2" };
    for (size_t i = 0; i < COUNT(elsewhere); i++)
        expect_error(GET(text("%s&cursor=%s&%s", base, good, elsewhere[i])), 400, "INVALID_FIELD", "cursor");
    expect_error(GET(text("/api/v1/contacts?cursor=%s", good)), 400, "INVALID_FIELD", "cursor");
}

/* --- indexes ------------------------------------------------------------------------------------------------------ */

static void test_keyword_uses_an_index_from_two_characters_on(void **state)
{
    (void)state;
    customers_in_bulk(MANY);
    customer("罕见鹳雀楼", NULL);
    sql(stack.customer_db, "ANALYZE customers");
    const struct {
        const char *where, *index;
    } cases[] = {
        { "search_text LIKE '%鹳雀楼%'", "customers_search" },
        { "search_grams(search_text) @> ARRAY['鹳雀']", "customers_grams" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *plan =
            sql(stack.customer_db, "EXPLAIN (FORMAT JSON) SELECT 1 FROM customers WHERE deleted_time IS NULL AND %s",
                cases[i].where);
        expect(strstr(plan, cases[i].index), "%s", plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_total_is_exact_after_each_kind_of_write),
        cmocka_unit_test(test_total_is_exact_after_bulk_changes),
        cmocka_unit_test(test_total_sees_a_transaction_that_commits_late),
        cmocka_unit_test(test_total_is_the_same_on_every_replica),
        cmocka_unit_test(test_total_is_exact_while_others_write),
        cmocka_unit_test(test_total_of_a_keyword_is_exact_however_common),
        cmocka_unit_test(test_total_can_be_estimated_or_left_out),
        cmocka_unit_test(test_list_is_the_same_far_in),
        cmocka_unit_test(test_cursor_walks_all_records_exactly_once),
        cmocka_unit_test(test_cursor_is_not_disturbed_by_new_records),
        cmocka_unit_test(test_cursor_that_was_forged_is_refused),
        cmocka_unit_test(test_keyword_uses_an_index_from_two_characters_on),
    };
    return system_main("list totals", tests, COUNT(tests));
}
