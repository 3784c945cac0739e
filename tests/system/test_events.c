/* The feed of events (issue: event feed): all of them, in order, once; nothing secret; nobody waits longer than he asked for. */
#include "crm.h"
#include "expect.h"
#include "feed.h"
#include "load.h"
#include "pool.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ABSENT_CURSOR "events.999999999999.0" /* of another cluster */

/* --- pages ------------------------------------------------------------------------------------------------------------------ */

static void test_new_reader_is_told_all_records_then_what_happens(void **state)
{
    (void)state;
    const char *id = customer(unique("初"), NULL), *cursor = "", *seen = NULL;
    do {
        struct reply *r = expect_status(events(text("limit=7&aggregate=customer&after=%s", cursor)), 200);
        cJSON *e;
        cJSON_ArrayForEach(e, at(r, "data.events"))
        {
            assert_string_equal(cJSON_GetObjectItem(e, "type")->valuestring, "customer.snapshot");
            if (!strcmp(cJSON_GetObjectItem(e, "aggregate_id")->valuestring, id)) seen = id;
        }
        cursor = text("%s", text_at(r, "data.next"));
    } while (strstr(cursor, "snapshot.") == cursor);
    expect(seen, "%s was not told", id);
    expect_status(PATCH(customer_path((char *)id), "{\"description\":\"改\"}"), 200);
    struct reply *r = expect_status(events(text("wait=10&aggregate=customer&after=%s", cursor)), 200);
    int last = cJSON_GetArraySize(at(r, "data.events")) - 1; /* those written since the first page come too: versions tell */
    expect_text(r, text("data.events.%d.type", last), "customer.updated");
    expect_text(r, text("data.events.%d.aggregate_id", last), id);
    expect_number(r, text("data.events.%d.version", last), 2);
    expect_text(r, text("data.events.%d.data.description", last), "改");
}

static void test_writes_are_told_by_their_kind(void **state)
{
    (void)state;
    char *cursor = events_end(), *id = customer(unique("类"), NULL);
    static const char *const types[] = { "customer.created", "customer.updated", "customer.deleted", "customer.restored" };
    expect_status(PATCH(customer_path(id), "{\"company_size\":\"大型\"}"), 200);
    expect_status(DELETE(customer_path(id)), 200);
    expect_status(call("POST", text("%s/restore", customer_path(id)), NULL, NULL), 200);
    for (size_t i = 0; i < COUNT(types); i++) {
        struct reply *r = expect_status(events(text("limit=1&wait=10&aggregate=customer&after=%s", cursor)), 200);
        expect_text(r, "data.events.0.type", types[i]);
        expect_number(r, "data.events.0.version", (int)i + 1);
        assert_int_equal(is_null_at(r, "data.events.0.data.deleted_time"), i != 2);
        cursor = text("%s", text_at(r, "data.next"));
    }
}

static void test_cursor_of_before_or_of_elsewhere_begins_anew(void **state)
{
    (void)state;
    own_stack_only();
    char *old = events_end();
    customer(unique("旧"), NULL);
    sql(stack.customer_db, "UPDATE outbox SET created_time = now() - interval '8 days'");
    sql(stack.customer_db, "SELECT housekeeping()");
    const char *const cursors[] = { old, ABSENT_CURSOR };
    for (size_t i = 0; i < COUNT(cursors); i++) {
        struct reply *r = expect_status(events(text("limit=1&aggregate=customer&after=%s", cursors[i])), 200);
        expect_text(r, "data.events.0.type", "customer.snapshot");
    }
    expect_number(expect_status(events(text("after=%s", events_end())), 200), "code", 200);
}

static void test_bad_parameters_are_all_named(void **state)
{
    (void)state;
    static const struct { const char *query, *fields; } cases[] = {
        { "after=x&limit=0&wait=31&aggregate=nothing&more=1", "after,limit,wait,aggregate,more" },
        { "limit=501", "limit" }, { "wait=-1", "wait" }, { "aggregate=", "aggregate" }, { "after=events.1", "after" },
        { "after=snapshot.customer.1.1", "after" }, { "after=events.1.2.3", "after" }, { "after=events.-1.2", "after" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) expect_error(events(cases[i].query), 400, "INVALID_FIELD", cases[i].fields);
}

static void test_only_who_may_read_events_does(void **state)
{
    (void)state;
    const char *path = "/internal/v1/events";
    expect_error(GET(path), 403, "FORBIDDEN", "permission"); /* the administrator is none of them */
    as(NULL);
    expect_error(GET(path), 401, "UNAUTHENTICATED", "");
    target(stack.gateway_url);
    expect_error(GET(path), 404, "NOT_FOUND", "");
}

static void test_nothing_secret_is_told(void **state)
{
    (void)state;
    static const char *const secrets[] = { "13912345678", "canary.feed@example.com", "长安街一号院", "7654321", "phone", "credit_limit",
                                           "address", "search_text", "_index" };
    char *cursor = events_end();
    char *id = customer(unique("密"), "\"phone\":\"13912345678\",\"email\":\"canary.feed@example.com\",\"address\":\"长安街一号院\","
                                      "\"credit_limit\":7654321");
    /* The event, and the record as it is: records are told by id, which begins with the time. */
    const char *queries[] = { text("wait=10&after=%s", cursor),
                              text("limit=500&after=snapshot.customer.%.13s-7000-8000-000000000000.9", id) };
    for (size_t q = 0; q < COUNT(queries); q++) {
        struct reply *r = expect_status(events(queries[q]), 200);
        expect(has_text(r, id), "%s is not told: %s", id, r->body);
        for (size_t i = 0; i < COUNT(secrets); i++) expect(!has_text(r, secrets[i]), "%s is told: %s", secrets[i], r->body);
    }
}

/* Of secrets those that are not sealed are told to who may see them unmasked. */
static void test_credit_limit_is_told_to_who_may_see_it(void **state)
{
    (void)state;
    char *cursor = events_end();
    char *id = customer(unique("限"), "\"credit_limit\":7654321,\"phone\":\"13912345678\"");
    as(client_token("ORDER_SERVICE", "customer-service"));
    const char *queries[] = { text("wait=10&after=%s", cursor),
                              text("limit=500&after=snapshot.customer.%.13s-7000-8000-000000000000.9", id) };
    for (size_t q = 0; q < COUNT(queries); q++) {
        struct reply *r = expect_status(GET(text("/internal/v1/events?%s", queries[q])), 200);
        expect(has_text(r, id) && has_text(r, "7654321"), "the limit is not told: %s", r->body);
        expect(!has_text(r, "phone"), "what is sealed is told: %s", r->body);
    }
}

/* --- waiting ------------------------------------------------------------------------------------------------------------------ */

struct waiter {
    const char *query;
    struct reply *reply;
};

static void *wait_for_events(void *arg)
{
    struct waiter *w = arg;
    w->reply = events(w->query);
    return NULL;
}

static void test_waiting_ends_when_something_happens_or_the_time_is_over(void **state)
{
    (void)state;
    char *cursor = events_end();
    struct waiter w = { text("wait=30&aggregate=customer&after=%s", cursor), NULL };
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_events, &w);
    char *id = customer(unique("等"), NULL);
    pthread_join(thread, NULL);
    expect_text(expect_status(w.reply, 200), "data.events.0.aggregate_id", id);
    expect(w.reply->seconds < 20, "%.1f s", w.reply->seconds);
    struct reply *none = expect_status(events(text("wait=1&aggregate=customer&after=%s", text_at(w.reply, "data.next"))), 200);
    assert_int_equal(cJSON_GetArraySize(at(none, "data.events")), 0);
    expect(none->seconds >= 1, "%.3f s", none->seconds);
}

static void test_who_waits_does_not_keep_a_service_from_ending(void **state)
{
    (void)state;
    struct replica r = replica_start("customer-service", "WORKERS=1", NULL);
    const char *token = client_token("OPPORTUNITY_SERVICE", "customer-service");
    const char *bytes = text("GET /internal/v1/events?wait=30&after=%s&aggregate=region HTTP/1.1\r\nHost: localhost\r\n"
                             "Authorization: Bearer %s\r\n\r\n", events_end(), token);
    int fd = raw_connect(r.url);
    raw_send(fd, bytes, strlen(bytes));
    expect_status(http_send(&(struct request){ .method = "GET", .url = text("%s/healthz", r.url), .fresh = true }), 200);
    double begun = now_s();
    assert_int_equal(replica_stop(&r), 0);
    const char *reply = raw_reply(fd);
    expect(raw_status(reply) == 200 && now_s() - begun < 20, "after %.1f s: %s", now_s() - begun, reply);
    close(fd);
}

/* --- many at once --------------------------------------------------------------------------------------------------------------- */

/* Follows the feed while others write, and compares with what the table says in the end. */
static void test_concurrent_writes_are_told_once_each_and_in_order(void **state)
{
    (void)state;
    enum { WRITERS = 32, WANTED = 1500 };
    char *begin = events_end(), *cursor = begin;
    long from = atol(strchr(begin, '.') + 1);
    static char told[1 << 20];
    size_t length = 0;
    struct load *l = load_start(stack.customer_url, WRITERS);
    bool is_loaded = true;
    for (int n = 0, count = 1; is_loaded || count > 0; n += count) {
        struct reply *r = expect_status(events(text("limit=37&aggregate=customer&wait=%d&after=%s", is_loaded, cursor)), 200);
        cJSON *e;
        count = cJSON_GetArraySize(at(r, "data.events"));
        cJSON_ArrayForEach(e, at(r, "data.events"))
            length += (size_t)snprintf(told + length, sizeof told - length, "%.0f,", cJSON_GetObjectItem(e, "event_id")->valuedouble);
        cursor = text("%s", text_at(r, "data.next"));
        if (!is_loaded || n < WANTED) continue;
        load_stop(l);
        is_loaded = false;
        count = 1; /* what is left */
    }
    char *stored = sql(stack.customer_db, "SELECT string_agg(event_id || ',', '' ORDER BY turn, event_id) FROM outbox "
                                          "WHERE aggregate = 'customer' AND turn >= '%ld'::xid8", from);
    expect(length > WANTED * 2 && !strcmp(told, stored), "told %zu bytes, stored %zu", length, strlen(stored));
}

/* A transaction that began before another one, and changes a record after it: its number is lower, its version higher. */
static void test_events_of_a_record_are_told_in_the_order_of_its_versions(void **state)
{
    (void)state;
    char *cursor = events_end(), *id = customer(unique("先"), NULL), *other = customer(unique("他"), NULL);
    static const char change[] = "UPDATE customers SET description = '%s', version = version + 1 WHERE customer_id = '%s'";
    sql(stack.customer_db, "BEGIN");
    sql(stack.customer_db, change, "早", other);
    expect_status(PATCH(customer_path(id), "{\"description\":\"二\"}"), 200);
    expect_status(PATCH(customer_path(id), "{\"description\":\"三\"}"), 200);
    sql(stack.customer_db, change, "四", id);
    struct reply *r = expect_status(events(text("aggregate=customer&after=%s", cursor)), 200);
    expect(!has_text(r, "\"version\":2"), "told before its turn: %s", r->body);
    sql(stack.customer_db, "COMMIT");
    int version = 0;
    for (int n = 0; n < 6;) {
        r = expect_status(events(text("limit=1&wait=10&aggregate=customer&after=%s", cursor)), 200);
        cursor = text("%s", text_at(r, "data.next"));
        if (!text_at(r, "data.events.0.aggregate_id")) continue;
        n++;
        if (strcmp(text_at(r, "data.events.0.aggregate_id"), id) != 0) continue;
        assert_int_equal(number_at(r, "data.events.0.version"), ++version);
    }
    assert_int_equal(version, 4);
}

/* How many notifications of `channel` have come to the connection. */
static int notified(PGconn *pg, const char *channel)
{
    int n = 0;
    assert_true(PQconsumeInput(pg));
    for (PGnotify *note; (note = PQnotifies(pg)); PQfreemem(note)) n += !strcmp(note->relname, channel);
    return n;
}

static PGconn *listener(const char *channel)
{
    PGconn *pg = PQconnectdb(stack.customer_db);
    PQclear(PQexec(pg, text("LISTEN \"%s\"", channel)));
    return pg;
}

static void test_many_writes_notify_few_times(void **state)
{
    (void)state;
    enum { WRITES = 200, APART_MS = 30 };
    const char *id = customer(unique("快"), NULL);
    PGconn *pg = listener("customer.events");
    double begun = now_s();
    PGresult *result = PQexec(pg, text("DO $$ BEGIN FOR i IN 1..%d LOOP UPDATE customers SET description = i::text, version = version + 1 "
                                       "WHERE customer_id = '%s'; COMMIT; END LOOP; END $$", WRITES, id));
    int most = (int)((now_s() - begun) * 1000 / APART_MS) + 1, told = notified(pg, "customer.events");
    expect(PQresultStatus(result) == PGRES_COMMAND_OK, "%s", PQresultErrorMessage(result));
    PQclear(result);
    PQfinish(pg);
    expect(told >= 1 && told <= most, "%d notifications, at most %d wanted", told, most);
}

/* A wake-up for nothing costs as much as one for something. */
static void test_events_wake_the_service_alone_whose_they_are(void **state)
{
    (void)state;
    PGconn *customers = listener("customer.events"), *opportunities = listener("opportunity.events");
    nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL); /* what came before has been told */
    sql(stack.opportunity_db, "UPDATE pipelines SET version = version + 1");
    PQclear(PQexec(opportunities, "SELECT"));
    PQclear(PQexec(customers, "SELECT"));
    assert_int_equal(notified(opportunities, "opportunity.events"), 1);
    assert_int_equal(notified(customers, "customer.events"), 0);
    PQfinish(customers);
    PQfinish(opportunities);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_of_a_record_are_told_in_the_order_of_its_versions),
        cmocka_unit_test(test_new_reader_is_told_all_records_then_what_happens),
        cmocka_unit_test(test_writes_are_told_by_their_kind),
        cmocka_unit_test(test_bad_parameters_are_all_named),
        cmocka_unit_test(test_only_who_may_read_events_does),
        cmocka_unit_test(test_nothing_secret_is_told),
        cmocka_unit_test(test_credit_limit_is_told_to_who_may_see_it),
        cmocka_unit_test(test_waiting_ends_when_something_happens_or_the_time_is_over),
        cmocka_unit_test(test_who_waits_does_not_keep_a_service_from_ending),
        cmocka_unit_test(test_concurrent_writes_are_told_once_each_and_in_order),
        cmocka_unit_test(test_cursor_of_before_or_of_elsewhere_begins_anew),
        cmocka_unit_test(test_many_writes_notify_few_times),
        cmocka_unit_test(test_events_wake_the_service_alone_whose_they_are),
    };
    return system_main("events", tests, COUNT(tests));
}
