#include "pg_server.h"


static void test_values_and_results(void **state)
{
    (void)state;
    static const char *const values[] = { "a'b\"; 北京", NULL, "42" };
    static const struct pg_stmt three = { NULL, "SELECT $1::text, $2::text, $3::int + 1 UNION ALL SELECT 'x', 'y', 0" };
    struct ask q;
    site_open((struct pg_config){ .connections = { 1, 1 } });
    run("CREATE TABLE plain (n int)");
    ask_init(&q, false, "INSERT INTO plain VALUES (1), (2), (3)");
    pg_add(&q.s, &three, values, 3);
    ask_add(&q, "UPDATE plain SET n = n WHERE n > 1");
    ask_submit(&q);
    assert_int_equal(pg_in_flight(site.pg), 1);
    ask_is(&q, E_OK, "");
    assert_int_equal(pg_in_flight(site.pg), 0);
    assert_int_equal(pg_affected(&q.s, 0), 3);
    assert_int_equal(pg_rows(&q.s, 1), 2);
    assert_true(str_is(pg_value(&q.s, 1, 0, 0), values[0]));
    assert_true(str_is_none(pg_value(&q.s, 1, 0, 1)));
    assert_true(str_is(pg_value(&q.s, 1, 0, 2), "43"));
    assert_int_equal(pg_affected(&q.s, 2), 2);
    assert_true(q.s.took_us > 0);
    ask_end(&q);
}

static void test_an_error_rolls_the_segment_back(void **state)
{
    (void)state;
    struct ask q;
    site_open((struct pg_config){ .connections = { 1, 0 } });
    run("CREATE TABLE once (n int PRIMARY KEY)");
    ask_init(&q, false, "INSERT INTO once VALUES (1) RETURNING 'first'");
    ask_add(&q, "INSERT INTO once VALUES (1)");
    ask_add(&q, "INSERT INTO once VALUES (2) RETURNING 'third'");
    ask_submit(&q);
    ask_is(&q, E_INTERNAL, "first"); /* what stands before the failing call keeps its result */
    assert_string_equal(q.s.sqlstate, "23505");
    assert_string_equal(q.s.constraint, "once_pkey");
    assert_non_null(strstr(q.s.detail, "(1)"));
    assert_string_equal(ask_text(&q, 2), "");
    ask_end(&q);
    run_is("SELECT count(*) FROM once", "0");
}

static void test_an_error_of_the_commit(void **state)
{
    (void)state;
    struct ask q, after;
    site_open((struct pg_config){ .connections = { 1, 0 } });
    run("CREATE TABLE late (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    ask_submit(ask_init(&q, false, "INSERT INTO late VALUES (1), (1) RETURNING n"));
    ask_submit(ask_init(&after, false, "SELECT 'after'"));
    ask_is(&q, E_INTERNAL, "1");
    assert_string_equal(q.s.sqlstate, "23505");
    ask_is(&after, E_OK, "after");
    ask_end(&q);
    ask_end(&after);
    run_is("SELECT count(*) FROM late", "0");
}

static int distinct_texts(const struct ask *asks, size_t count)
{
    int distinct = 0;
    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++) seen = !strcmp(ask_text(&asks[i], 0), ask_text(&asks[j], 0));
        distinct += !seen;
    }
    return distinct;
}

/* now() is the start of the transaction, and a transaction ends with its Sync: so it tells who shared one. */
static void test_who_shares_a_sync(void **state)
{
    (void)state;
    static const struct { bool reads; enum pg_lane lane; int transactions; } cases[] = {
        { true, PG_FAST, 2 }, { false, PG_FAST, 64 }, { true, PG_SLOW, 64 },
    };
    site_open((struct pg_config){ .connections = { 1, 1 } });
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ask asks[64];
        for (size_t k = 0; k < COUNT(asks); k++) {
            ask_init(&asks[k], cases[i].reads, "SELECT now()::text");
            asks[k].s.lane = cases[i].lane;
            ask_submit(&asks[k]);
        }
        for (size_t k = 0; k < COUNT(asks); k++) ask_wait(&asks[k]);
        expect(distinct_texts(asks, COUNT(asks)) == cases[i].transactions, "case %zu: %d", i, distinct_texts(asks, COUNT(asks)));
        for (size_t k = 0; k < COUNT(asks); k++) ask_end(&asks[k]);
    }
}

static void ask_on(struct ask *q, bool reads, enum pg_lane lane, const char *sql)
{
    ask_init(q, reads, sql);
    q->s.lane = lane;
    ask_submit(q);
}

/* A lock that another session holds keeps who wants it waiting, and nobody else. */
static void holds_up_nobody(bool reads, enum pg_lane lane, enum pg_lane other)
{
    struct ask lock, waits, read, unlock;
    site_start(&admin, (struct pg_config){ .connections = { [PG_FAST] = 1 } });
    loop_until(pg_ready(admin.pg));
    site_open((struct pg_config){ .connections = { [PG_FAST] = 1, [PG_SLOW] = 1, [PG_COUNT] = 1, [PG_CHANGE] = 1 } });
    ask_submit_to(&admin, ask_init(&lock, false, "SELECT pg_advisory_lock(7)"));
    ask_wait(&lock);
    ask_on(&waits, reads, lane, "SELECT pg_advisory_xact_lock(7)");
    ask_on(&read, true, other, "SELECT 'read'");
    ask_is(&read, E_OK, "read");
    assert_int_equal(waits.calls, 0);
    ask_submit_to(&admin, ask_init(&unlock, false, "SELECT pg_advisory_unlock(7)"));
    ask_wait(&waits);
    assert_int_equal(waits.s.error, E_OK);
    assert_true(read.turn < waits.turn);
    struct ask *all[] = { &lock, &waits, &read, &unlock };
    for (size_t i = 0; i < COUNT(all); i++) ask_wait(all[i]), ask_end(all[i]);
}

static void test_a_change_that_waits_holds_up_no_read(void **state)
{
    (void)state;
    holds_up_nobody(false, PG_FAST, PG_FAST);
}

static void test_a_count_that_waits_holds_up_no_list(void **state)
{
    (void)state;
    holds_up_nobody(true, PG_COUNT, PG_SLOW);
}

static void test_a_failing_neighbour_harms_nobody(void **state)
{
    (void)state;
    static const struct pg_stmt divide = { "divide", "SELECT (60 / $1::int)::text" };
    static const char *const values[][1] = { { "0" }, { "1" }, { "2" }, { "3" }, { "4" }, { "5" }, { "6" } };
    struct ask asks[100];
    site_open((struct pg_config){ .connections = { 1, 0 } });
    for (size_t i = 0; i < COUNT(asks); i++) {
        ask_init(&asks[i], true, i % 2 ? NULL : "SELECT 'one'");
        pg_add(&asks[i].s, &divide, values[i % COUNT(values)], 1);
        ask_submit(&asks[i]);
    }
    for (size_t i = 0; i < COUNT(asks); i++) {
        struct ask *q = &asks[i];
        int n = (int)(i % COUNT(values)), call = i % 2 ? 0 : 1;
        char want[12] = "";
        if (n) snprintf(want, sizeof want, "%d", 60 / n);
        ask_wait(q);
        expect(q->s.error == (n ? E_OK : E_INTERNAL) && !strcmp(ask_text(q, call), want), "%zu: %s", i, ask_text(q, call));
        if (!n) assert_string_equal(q->s.sqlstate, "22012");
        ask_end(q);
    }
}

static void test_statements_are_prepared_on_first_use(void **state)
{
    (void)state;
    static const struct pg_stmt start = { "start", "SELECT 1" }, first = { "first", "SELECT $1::int + 1" };
    static const struct pg_stmt *const statements[] = { &start, NULL };
    static const char *const one[] = { "1" };
    static const char names[] =
        "SELECT coalesce(string_agg(name, ' ' ORDER BY name), 'none') FROM pg_prepared_statements WHERE name <> ''";
    site_open((struct pg_config){ .connections = { 1, 0 }, .statements = statements });
    run_is(names, "start");
    for (int i = 0; i < 2; i++) {
        struct ask q[2];
        for (int k = 0; k < 2; k++) {
            ask_init(&q[k], k == 0, NULL);
            pg_add(&q[k].s, &first, one, 1);
            ask_submit(&q[k]);
        }
        for (int k = 0; k < 2; k++) ask_is(&q[k], E_OK, "2"), ask_end(&q[k]);
        run_is(names, "first start");
    }
}

static void test_beyond_the_limit_statements_run_unprepared(void **state)
{
    (void)state;
    static struct pg_stmt stmts[LIMIT_PG_STATEMENTS + 50];
    static struct { char name[16], sql[32]; } texts[COUNT(stmts)];
    static struct ask asks[COUNT(stmts)];
    char want[16];
    site_open((struct pg_config){ .connections = { 1, 0 } });
    for (size_t i = 0; i < COUNT(stmts); i++) {
        snprintf(texts[i].name, sizeof texts[i].name, "q%zu", i);
        snprintf(texts[i].sql, sizeof texts[i].sql, "SELECT 'a%zu'", i);
        stmts[i] = (struct pg_stmt){ texts[i].name, texts[i].sql };
        ask_init(&asks[i], i % 3, NULL);
        pg_add(&asks[i].s, &stmts[i], NULL, 0);
        ask_submit(&asks[i]);
    }
    for (size_t i = 0; i < COUNT(asks); i++) {
        snprintf(want, sizeof want, "a%zu", i);
        ask_is(&asks[i], E_OK, want);
        ask_end(&asks[i]);
    }
    snprintf(want, sizeof want, "%d", LIMIT_PG_STATEMENTS - 1); /* the empty one of the start counts too */
    run_is("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''", want);
}

/* Prepared in vain once, it runs unnamed: it says what is wrong, and works when that is mended. */
static void test_a_statement_that_cannot_be_prepared(void **state)
{
    (void)state;
    static const struct pg_stmt absent = { "absent", "SELECT n FROM absent" };
    struct ask q;
    site_open((struct pg_config){ .connections = { 1, 0 } });
    for (int i = 0; i < 3; i++) {
        if (i == 2) run("CREATE TABLE absent AS SELECT 7 AS n");
        ask_init(&q, true, NULL);
        pg_add(&q.s, &absent, NULL, 0);
        ask_submit(&q);
        ask_is(&q, i < 2 ? E_INTERNAL : E_OK, i < 2 ? "" : "7");
        if (i == 1) assert_string_equal(q.s.sqlstate, "42P01");
        ask_end(&q);
    }
}

static void test_five_thousand_segments_in_flight(void **state)
{
    (void)state;
    enum { N = 5000 };
    static const struct pg_stmt echo = { "echo", "SELECT $1::text" };
    static struct ask asks[N];
    static char texts[N][12];
    static const char *values[N];
    site_open((struct pg_config){ .connections = { 3, 0 } });
    for (int i = 0; i < N; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", i);
        values[i] = texts[i];
        ask_init(&asks[i], i % 3, NULL);
        pg_add(&asks[i].s, &echo, &values[i], 1);
        ask_submit(&asks[i]);
    }
    assert_int_equal(pg_in_flight(site.pg), N);
    for (int i = 0; i < N; i++) ask_is(&asks[i], E_OK, texts[i]), ask_end(&asks[i]);
    assert_int_equal(pg_in_flight(site.pg), 0);
}

static void test_answers_come_in_order_and_the_queue_is_bounded(void **state)
{
    (void)state;
    static struct ask asks[LIMIT_PG_QUEUE + 20];
    int last = 0;
    site_open((struct pg_config){ .connections = { 1, 0 } });
    for (size_t i = 0; i < COUNT(asks); i++) ask_submit(ask_init(&asks[i], i % 2, "SELECT 'x'"));
    for (size_t i = 0; i < COUNT(asks); i++) {
        bool fits = i < LIMIT_PG_QUEUE;
        ask_is(&asks[i], fits ? E_OK : E_OVERLOADED, fits ? "x" : "");
        if (fits) assert_true(asks[i].turn > last);
        if (fits) last = asks[i].turn;
        ask_end(&asks[i]);
    }
}

static void test_sessions_are_as_configured(void **state)
{
    (void)state;
    site_open((struct pg_config){ .connections = { 1, 0 }, .statement_timeout_ms = 1234 });
    run_is("SELECT current_setting('statement_timeout')", "1234ms");
    run_is("SELECT current_setting('application_name')", "site");
    run_is("SELECT '2026-01-02 03:04:05+08'::timestamptz::text", "2026-01-01 19:04:05+00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG(test_values_and_results), PG(test_an_error_rolls_the_segment_back), PG(test_an_error_of_the_commit),
        PG(test_who_shares_a_sync), PG(test_a_change_that_waits_holds_up_no_read), PG(test_a_count_that_waits_holds_up_no_list),
        PG(test_a_failing_neighbour_harms_nobody),
        PG(test_statements_are_prepared_on_first_use), PG(test_beyond_the_limit_statements_run_unprepared),
        PG(test_a_statement_that_cannot_be_prepared), PG(test_five_thousand_segments_in_flight),
        PG(test_answers_come_in_order_and_the_queue_is_bounded), PG(test_sessions_are_as_configured),
    };
    log_init("test", LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, pg_server_make, pg_server_end);
}
