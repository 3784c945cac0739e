/* What a service knows of others by their events: soon, each once, in order, whatever is killed. */
#include "crm.h"
#include "expect.h"
#include "feed.h"
#include "load.h"
#include "pool.h"
#include "replica.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"
#include "staff.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool is_true_here(void *query)
{
    return sql_count(stack.opportunity_db, "SELECT count(*) WHERE %s", (const char *)query) == 1;
}

static void expect_soon(const char *query)
{
    expect(poll_until(20, is_true_here, (void *)query), "never true: %s", query);
}

/* --- customers ------------------------------------------------------------------------------------------------------------- */

static bool is_named(void *arg)
{
    const char *const *name = arg;
    target(stack.opportunity_url);
    struct reply *r = GET(text("/api/v1/opportunities?customer_id=%s", name[0]));
    return text_at(r, "data.records.0.customer_name") && !strcmp(text_at(r, "data.records.0.customer_name"), name[1]);
}

static void test_customers_and_their_new_names_are_known_to_opportunities(void **state)
{
    (void)state;
    const char *name[2] = { customer(unique("旧名"), NULL), unique("新名") };
    expect_soon(text("EXISTS (SELECT FROM customer_ref WHERE customer_id = '%s')", name[0]));
    target(stack.opportunity_url);
    char *of_it = opportunity(unique("机会"), name[0], NULL);
    target(stack.customer_url);
    expect_status(PATCH(customer_path((char *)name[0]), text("{\"customer_name\":\"%s\"}", name[1])), 200);
    expect(poll_until(20, is_named, name), "the list shows the old name");
    expect_number(GET(text("/api/v1/opportunities?keyword=%s", encoded(name[1]))), "data.total", 1);
    expect_status(DELETE(opportunity_path(of_it, "")), 200);
    target(stack.customer_url);
    expect_status(DELETE(customer_path((char *)name[0])), 200);
    expect_soon(text("(SELECT deleted_time IS NOT NULL FROM customer_ref WHERE customer_id = '%s')", name[0]));
    target(stack.opportunity_url);
    const char *body = text("{\"opportunity_name\":\"晚\",\"customer_id\":\"%s\"}", name[0]);
    expect_error(POST("/api/v1/opportunities", body), 422, "BAD_REFERENCE", "customer_id");
}

/* One that no event has told of yet, as far as opportunity-service knows. */
static char *unknown_customer(void)
{
    char *id = customer(unique("未闻"), NULL);
    expect_soon(text("EXISTS (SELECT FROM customer_ref WHERE customer_id = '%s')", id));
    sql(stack.opportunity_db, "DELETE FROM customer_ref WHERE customer_id = '%s'", id);
    return id;
}

static struct reply *opportunity_for(const char *token, const char *customer_id)
{
    return call_as(token, "POST", text("%s/api/v1/opportunities", stack.opportunity_url),
                   text("{\"opportunity_name\":\"机会\",\"customer_id\":\"%s\"}", customer_id));
}

static void test_unknown_customer_is_asked_for_as_the_caller(void **state)
{
    (void)state;
    char *mine = user_with_role("SALES_REP");
    as(mine);
    char *own = unknown_customer();
    as(stack.admin_token);
    char *others = unknown_customer();
    expect_status(opportunity_for(mine, own), 200);
    assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM customer_ref WHERE customer_id = '%s'", own), 1);
    expect_error(opportunity_for(mine, others), 422, "BAD_REFERENCE", "customer_id");
    assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM customer_ref WHERE customer_id = '%s'", others), 0);
    expect_error(opportunity_for(stack.admin_token, UUID_ABSENT), 422, "BAD_REFERENCE", "customer_id");
    expect_status(opportunity_for(stack.admin_token, others), 200);
    expect_error(opportunity_for(mine, others), 422, "BAD_REFERENCE", "customer_id"); /* known by now, and not his to see */
}

static void test_without_customer_service_known_customers_are_good_enough(void **state)
{
    (void)state;
    own_stack_only();
    char *known = customer(unique("熟"), NULL), *unknown = unknown_customer();
    expect_soon(text("EXISTS (SELECT FROM customer_ref WHERE customer_id = '%s')", known));
    part_signal("CUSTOMER_SERVICE", SIGSTOP);
    struct reply *good = opportunity_for(stack.admin_token, known), *bad = opportunity_for(stack.admin_token, unknown);
    const char *url = text("%s/api/v1/opportunities?customer_id=%s", stack.opportunity_url, known);
    struct reply *list = call_as(stack.admin_token, "GET", url, NULL);
    part_signal("CUSTOMER_SERVICE", SIGCONT);
    expect_status(good, 200);
    expect_error(bad, 503, "SERVICE_UNAVAILABLE", "customer_id");
    expect(bad->seconds < 10 && header(bad, "Retry-After"), "%.1f s", bad->seconds);
    expect_number(list, "data.total", 1);
    expect_status(opportunity_for(stack.admin_token, unknown), 200);
}

/* --- staff ------------------------------------------------------------------------------------------------------------------- */

static void test_users_are_known_where_they_are_and_whether_they_still_are(void **state)
{
    (void)state;
    char *top = department(unique("总部"), NULL), *below = department(unique("分部"), top), *elsewhere = department(unique("别处"), NULL);
    char *id = user(unique("staff"), text("\"department_id\":\"%s\"", below));
    const char *path = sql(stack.auth_db, "SELECT path FROM departments WHERE department_id = '%s'", below);
    expect_soon(text("(SELECT department = '%s' AND deleted_time IS NULL FROM user_ref WHERE user_id = '%s')", path, id));
    target(stack.auth_url);
    expect_status(PATCH(text("/api/v1/departments/%s", below), text("{\"parent_id\":\"%s\"}", elsewhere)), 200); /* he moves with it */
    path = sql(stack.auth_db, "SELECT path FROM departments WHERE department_id = '%s'", below);
    expect_soon(text("(SELECT department = '%s' FROM user_ref WHERE user_id = '%s')", path, id));
    expect_status(PATCH(user_path(id), text("{\"department_id\":\"%s\",\"name\":\"新姓名\"}", top)), 200);
    path = sql(stack.auth_db, "SELECT path FROM departments WHERE department_id = '%s'", top);
    expect_soon(text("(SELECT department = '%s' AND name = '新姓名' FROM user_ref WHERE user_id = '%s')", path, id));
    expect_status(PATCH(user_path(id), "{\"status\":\"停用\"}"), 200);
    expect_soon(text("(SELECT deleted_time IS NOT NULL FROM user_ref WHERE user_id = '%s')", id));
    target(stack.opportunity_url);
    const char *customer_id = customer_known(unique("客"));
    const char *body = text("{\"opportunity_name\":\"给谁\",\"customer_id\":\"%s\",\"assigned_to\":\"%s\"}", customer_id, id);
    expect_error(POST("/api/v1/opportunities", body), 422, "BAD_REFERENCE", "assigned_to");
}

/* --- faults ------------------------------------------------------------------------------------------------------------------- */

/* Each event that takes effect is noted; twice is an error, which would keep the feed from going on. */
static void note_effects(void)
{
    sql(stack.opportunity_db, "CREATE TABLE noted (number bigint GENERATED ALWAYS AS IDENTITY, event_id bigint UNIQUE, id uuid, "
                              "version integer)");
    sql(stack.opportunity_db, "ALTER FUNCTION customer_event(jsonb) RENAME TO customer_event_kept");
    sql(stack.opportunity_db, "CREATE FUNCTION customer_event(event jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN "
                              "IF event ? ''event_id'' THEN INSERT INTO noted (event_id, id, version) VALUES "
                              "((event ->> ''event_id'')::bigint, (event ->> ''aggregate_id'')::uuid, "
                              "(event ->> ''version'')::integer); END IF; "
                              "PERFORM customer_event_kept(event); END'");
}

static bool is_settled(void *last)
{
    return sql_count(stack.opportunity_db, "SELECT count(*) FROM noted WHERE event_id = %s", (const char *)last) == 1;
}

static void kill_and_wait(const char *part)
{
    pid_t old = part_pid(part);
    part_signal(part, SIGKILL);
    expect(part_is_new(part, old, 30), "%s is not started again", part);
}

/* Beside those who create, some change the same few records over and over. */
struct changers {
    pthread_t threads[8];
    char *paths[3];
    bool stop;
};

static void *change(void *arg)
{
    struct changers *c = arg;
    for (int i = 0; !__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE); i++) {
        const struct request q = { .method = "PATCH", .url = text("%s%s", stack.customer_url, c->paths[i % COUNT(c->paths)]),
                                   .token = stack.admin_token, .body = text("{\"description\":\"%d\"}", i), .fresh = true };
        if (http_send(&q)->status != 200) nanosleep(&(struct timespec){ 0, 20 * 1000 * 1000 }, NULL);
    }
    return NULL;
}

static void changers_start(struct changers *c)
{
    for (size_t i = 0; i < COUNT(c->paths); i++) c->paths[i] = customer_path(customer(unique("改"), NULL));
    for (size_t i = 0; i < COUNT(c->threads); i++) pthread_create(&c->threads[i], NULL, change, c);
}

static void changers_stop(struct changers *c)
{
    __atomic_store_n(&c->stop, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < COUNT(c->threads); i++) pthread_join(c->threads[i], NULL);
}

static void test_kills_under_load_lose_nothing_and_apply_nothing_twice(void **state)
{
    (void)state;
    own_stack_only();
    static const char *const victims[] = { "OPPORTUNITY_SERVICE", "CUSTOMER_SERVICE", "OPPORTUNITY_SERVICE", "PG", "CUSTOMER_SERVICE" };
    char *begin = events_end(), *xid = text("%.*s", (int)strcspn(strchr(begin, '.') + 1, "."), strchr(begin, '.') + 1);
    expect_soon(text("(SELECT split_part(cursor, '.', 2)::bigint >= %s FROM feed_cursor WHERE source = 'customer-service')", xid));
    note_effects();
    struct changers changers = { .stop = false };
    changers_start(&changers);
    struct load *l = load_start(stack.customer_url, 24);
    for (size_t i = 0; i < COUNT(victims); i++) {
        expect(load_goes_on(l, 200, 60, 60), "no load after %zu kills", i);
        kill_and_wait(victims[i]);
        sql_forget();
    }
    expect(url_is_ready(stack.customer_url, 30) && load_goes_on(l, 200, 60, 60), "no load in the end");
    load_stop(l);
    changers_stop(&changers);
    const char *wanted = text("FROM outbox WHERE aggregate = 'customer' AND turn >= '%s'::xid8", xid);
    char *last = sql(stack.customer_db, "SELECT event_id %s ORDER BY turn DESC, event_id DESC LIMIT 1", wanted);
    expect(poll_until(60, is_settled, last), "event %s never took effect", last);
    assert_string_equal(sql(stack.opportunity_db, "SELECT md5(string_agg(event_id::text, ',' ORDER BY event_id)) FROM noted"),
                        sql(stack.customer_db, "SELECT md5(string_agg(event_id::text, ',' ORDER BY event_id)) %s", wanted));
    assert_int_equal(sql_count(stack.opportunity_db, "SELECT count(*) FROM noted a JOIN noted b ON a.id = b.id AND a.number < b.number "
                                                     "AND a.version >= b.version"), 0);
    expect(sql_count(stack.opportunity_db, "SELECT max(version) FROM noted") > 50, "too few changes of one record");
    const char *same = "SELECT md5(string_agg(customer_id || customer_name || version, ',' ORDER BY customer_id)) FROM %s";
    assert_string_equal(sql(stack.opportunity_db, same, "customer_ref"), sql(stack.customer_db, same, "customers"));
}

/* Events that customer-service was asked for and told of, by all readers. */
static long pages_told(void)
{
    static const char line[] = "http_requests_total{operation=\"internalListCustomerEvents\",status=\"2xx\"} ";
    const struct request metrics = { .method = "GET", .url = text("%s/metrics", stack.customer_url) };
    const char *at = strstr(http_send(&metrics)->body, line);
    return at ? atol(at + strlen(line)) : 0;
}

/* A page for each event would cost more than the events do. */
static void test_many_events_come_in_few_pages(void **state)
{
    (void)state;
    enum { WRITES = 150, APART_MS = 25, READERS = 2 };
    char *path = customer_path(customer(unique("忙"), NULL)), *id = strrchr(path, '/') + 1;
    expect_soon(text("EXISTS (SELECT FROM customer_ref WHERE customer_id = '%s')", id));
    long before = pages_told();
    double begun = now_s();
    for (int i = 0; i < WRITES; i++) expect_status(PATCH(path, text("{\"customer_name\":\"忙%d\"}", i)), 200);
    expect_soon(text("EXISTS (SELECT FROM customer_ref WHERE customer_id = '%s' AND customer_name = '忙%d')", id, WRITES - 1));
    long most = READERS * ((long)((now_s() - begun) * 1000 / APART_MS) + 2), told = pages_told() - before;
    expect(told >= 1 && told <= most, "%ld pages, at most %ld wanted", told, most);
}

static bool holder_is_not(void *old)
{
    return strcmp(sql(stack.opportunity_db, "SELECT holder FROM feed_cursor WHERE source = 'customer-service'"), old) != 0;
}

static void test_another_replica_takes_over_from_one_that_hangs(void **state)
{
    (void)state;
    own_stack_only();
    struct replica second = replica_start("opportunity-service", NULL);
    char *holder = sql(stack.opportunity_db, "SELECT holder FROM feed_cursor WHERE source = 'customer-service'");
    part_signal("OPPORTUNITY_SERVICE", SIGSTOP);
    bool is_taken = poll_until(40, holder_is_not, holder);
    char *id = customer(unique("接"), NULL);
    bool is_known = poll_until(20, is_true_here, text("EXISTS (SELECT FROM customer_ref WHERE customer_id = '%s')", id));
    part_signal("OPPORTUNITY_SERVICE", SIGCONT);
    expect(is_taken && is_known, "taken over: %d, known: %d", is_taken, is_known);
    replica_stop(&second);
    id = customer(unique("还"), NULL);
    expect_soon(text("EXISTS (SELECT FROM customer_ref WHERE customer_id = '%s')", id));
}

static bool is_complaining(void *arg)
{
    (void)arg;
    const struct request metrics = { .method = "GET", .url = text("%s/metrics", stack.opportunity_url) };
    const char *at = strstr(http_send(&metrics)->body, "feed_failures_total{source=\"customer-service\"} ");
    return at && atol(strchr(at, '}') + 2) > 2;
}

/* Everything up to it takes effect, then the feed waits, and says so. */
static void test_event_that_cannot_be_taken_in_is_not_skipped(void **state)
{
    (void)state;
    own_stack_only();
    char *before = customer(unique("前"), NULL);
    sql(stack.opportunity_db, "ALTER TABLE customer_ref ADD CONSTRAINT poison CHECK (customer_name NOT LIKE '毒%%')");
    char *poison = customer(unique("毒"), NULL), *after = customer(unique("后"), NULL);
    expect_soon(text("EXISTS (SELECT FROM customer_ref WHERE customer_id = '%s')", before));
    expect(poll_until(20, is_complaining, NULL), "no failure is counted");
    const char *known = "SELECT count(*) FROM customer_ref WHERE customer_id IN ('%s', '%s')";
    assert_int_equal(sql_count(stack.opportunity_db, known, poison, after), 0);
    expect_status(GET(customer_path(poison)), 200);
    sql(stack.opportunity_db, "ALTER TABLE customer_ref DROP CONSTRAINT poison");
    expect_soon(text("(SELECT count(*) = 2 FROM customer_ref WHERE customer_id IN ('%s', '%s'))", poison, after));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_customers_and_their_new_names_are_known_to_opportunities),
        cmocka_unit_test(test_unknown_customer_is_asked_for_as_the_caller),
        cmocka_unit_test(test_without_customer_service_known_customers_are_good_enough),
        cmocka_unit_test(test_users_are_known_where_they_are_and_whether_they_still_are),
        cmocka_unit_test(test_many_events_come_in_few_pages),
        cmocka_unit_test(test_event_that_cannot_be_taken_in_is_not_skipped),
        cmocka_unit_test(test_another_replica_takes_over_from_one_that_hangs),
        cmocka_unit_test(test_kills_under_load_lose_nothing_and_apply_nothing_twice),
    };
    return system_main("follow", tests, COUNT(tests));
}
