#include "pg_server.h"

#include "base/buf.h"

static void open_admin(void)
{
    site_start(&admin, (struct pg_config){ .connections = { 1, 0 } });
    loop_until(pg_ready(admin.pg));
}

static void terminate_backends_where(const char *condition)
{
    char sql[256];
    struct ask q;
    snprintf(sql, sizeof sql,
             "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'site' AND %s",
             condition);
    ask_submit_to(&admin, ask_init(&q, true, sql));
    ask_is(&q, E_OK, "t");
    ask_end(&q);
}

static void wait_for_backend_where(const char *condition)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT pid FROM pg_stat_activity WHERE application_name = 'site' AND %s LIMIT 1", condition);
    for (uint64_t until = clock_us() + WAIT_MS * 1000u;;) {
        struct ask q;
        ask_submit_to(&admin, ask_init(&q, true, sql));
        ask_wait(&q);
        bool found = pg_rows(&q.s, 0) > 0;
        ask_end(&q);
        if (found) return;
        assert_true(clock_us() < until);
    }
}

/* --- a killed backend --------------------------------------------------------------------------------------------------- */

static void test_a_killed_backend_loses_writes_only(void **state)
{
    (void)state;
    struct ask write, reads[50];
    open_admin();
    site_open((struct pg_config){ .connections = { 1, 1 } });
    ask_submit(ask_init(&write, false, "SELECT pg_sleep(60)"));
    for (size_t i = 0; i < COUNT(reads); i++) ask_submit(ask_init(&reads[i], true, "SELECT 'read'"));
    wait_for_backend_where("query LIKE '%sleep%' AND state = 'active'");
    terminate_backends_where("query LIKE '%sleep%'");
    ask_is(&write, E_DATABASE_DOWN, "");
    for (size_t i = 0; i < COUNT(reads); i++) ask_is(&reads[i], E_OK, "read"), ask_end(&reads[i]);
    ask_end(&write);
    loop_until(pg_ready(site.pg));
    run_is("SELECT 1", "1");
}

/* The error that ends the connection reaches a read first: that read is no more to blame than those behind it. */
static void test_a_read_under_way_moves_too(void **state)
{
    (void)state;
    struct ask reads[40];
    open_admin();
    site_open((struct pg_config){ .connections = { 1, 1 } });
    for (size_t i = 0; i < COUNT(reads); i++)
        ask_submit(ask_init(&reads[i], true, i ? "SELECT 'read'" : "SELECT 'slow' FROM pg_sleep(0.5)"));
    wait_for_backend_where("query LIKE '%sleep%' AND state = 'active'");
    terminate_backends_where("query LIKE '%sleep%'");
    for (size_t i = 0; i < COUNT(reads); i++) ask_is(&reads[i], E_OK, i ? "read" : "slow"), ask_end(&reads[i]);
}

static void test_a_read_that_kills_backends_is_given_up(void **state)
{
    (void)state;
    struct ask q;
    site_open((struct pg_config){ .connections = { 4, 0 } });
    ask_submit(ask_init(&q, true, "SELECT pg_terminate_backend(pg_backend_pid())"));
    ask_is(&q, E_DATABASE_DOWN, "");
    ask_end(&q);
    loop_until(pg_ready(site.pg));
}

/* --- load ----------------------------------------------------------------------------------------------------------------- */

enum { LANES = 100, ROUNDS = 60 };

static struct lane {
    struct pg_segment s;
    const char *values[1];
    char id[12];
    int rounds;
} lanes[LANES];

static int lanes_open, reads_failed, writes_lost, next_id;
static char acknowledged[LANES * ROUNDS + 1];

static void lane_go(struct lane *l);

static void lane_done(struct pg_segment *s, void *arg)
{
    struct lane *l = arg;
    if (s->reads) reads_failed += s->error != E_OK;
    else if (s->error == E_OK) acknowledged[atoi(l->id)] = 1;
    else writes_lost++;
    if (!s->reads && s->error != E_OK) assert_int_equal(s->error, E_DATABASE_DOWN);
    pg_segment_done(s);
    lane_go(l); /* submits again from inside */
}

static void lane_go(struct lane *l)
{
    static const struct pg_stmt insert = { "insert", "INSERT INTO load SELECT $1::int FROM pg_sleep(0.0005)" };
    static const struct pg_stmt read = { "read", "SELECT $1::int" };
    if (l->rounds++ == ROUNDS) {
        lanes_open--;
        return;
    }
    snprintf(l->id, sizeof l->id, "%d", next_id++);
    l->values[0] = l->id;
    pg_segment_init(&l->s, PG_FAST, lane_done, l);
    l->s.reads = l->rounds % 2;
    pg_add(&l->s, l->s.reads ? &read : &insert, l->values, 1);
    pg_submit(site.pg, &l->s);
}

static void acknowledged_are_there(void)
{
    struct ask q;
    struct buf ids;
    buf_init(&ids, 1 << 20);
    int count = 0;
    for (size_t i = 0; i < sizeof acknowledged; i++)
        if (acknowledged[i]) buf_addf(&ids, "%s%zu", count++ ? "," : "", i);
    char *text = strndup(ids.data, ids.len), want[16];
    const char *values[] = { text };
    static const struct pg_stmt find = { NULL, "SELECT count(*) FROM load WHERE n = ANY (string_to_array($1, ',')::int[])" };
    snprintf(want, sizeof want, "%d", count);
    ask_init(&q, true, NULL);
    pg_add(&q.s, &find, values, 1);
    ask_submit_to(&admin, &q);
    ask_is(&q, E_OK, want);
    ask_end(&q);
    free(text);
    buf_done(&ids);
}

static void test_backends_killed_under_load(void **state)
{
    (void)state;
    int kills = 0;
    open_admin();
    run_on(&admin, false, "CREATE TABLE load (n int PRIMARY KEY)", E_OK, "");
    site_open((struct pg_config){ .connections = { 2, 1 } });
    for (lanes_open = 0; lanes_open < LANES; lanes_open++) lane_go(&lanes[lanes_open]);
    while (lanes_open) {
        loop_until(!lanes_open || pg_ready(site.pg));
        if (!lanes_open) break;
        terminate_backends_where("pid = (SELECT min(pid) FROM pg_stat_activity WHERE application_name = 'site')");
        kills++;
        for (int i = 0; i < 20 && lanes_open; i++) loop_a_little();
    }
    assert_true(kills > 1);
    assert_int_equal(reads_failed, 0);
    expect(writes_lost > 0 && writes_lost < LANES * ROUNDS / 4, "%d", writes_lost);
    assert_int_equal(pg_in_flight(site.pg), 0);
    acknowledged_are_there();
    run_on(&admin, false, "DROP TABLE load", E_OK, "");
}

/* --- time ------------------------------------------------------------------------------------------------------------------ */

static void test_statement_timeout(void **state)
{
    (void)state;
    struct ask q[3];
    site_open((struct pg_config){ .connections = { 1, 0 }, .statement_timeout_ms = 100 });
    ask_submit(ask_init(&q[0], false, "SELECT pg_sleep(60)"));
    ask_submit(ask_init(&q[1], true, "SELECT pg_sleep(60)"));
    ask_submit(ask_init(&q[2], true, "SELECT 'fine'"));
    for (int i = 0; i < 2; i++) {
        ask_is(&q[i], E_DATABASE_TIMEOUT, "");
        assert_string_equal(q[i].s.sqlstate, "57014");
    }
    ask_is(&q[2], E_OK, "fine");
    for (int i = 0; i < 3; i++) ask_end(&q[i]);
    assert_true(pg_ready(site.pg));
}

/* Its deadline is nearer than the statement timeout: its caller is answered, the connection and its neighbours go on. */
static void test_a_deadline_passes(void **state)
{
    (void)state;
    struct ask hasty, behind[2];
    site_open((struct pg_config){ .connections = { 1, 0 } });
    uint64_t start = clock_us();
    ask_init(&hasty, false, "SELECT 'late' FROM pg_sleep(2)");
    hasty.s.deadline_us = start + 50 * 1000;
    ask_submit(&hasty);
    for (int i = 0; i < 2; i++) ask_submit(ask_init(&behind[i], i == 0, "SELECT 'fine'"));
    ask_is(&hasty, E_DATABASE_TIMEOUT, "");
    expect(clock_us() - start < 1700 * 1000, "%d ms", (int)((clock_us() - start) / 1000));
    ask_end(&hasty);
    memset(&hasty, 0xa5, sizeof hasty); /* it is ours again */
    for (int i = 0; i < 2; i++) ask_is(&behind[i], E_OK, "fine"), ask_end(&behind[i]);
    assert_true(pg_ready(site.pg));
    assert_int_equal(pg_in_flight(site.pg), 0);
}

static void test_a_stopped_backend(void **state)
{
    (void)state;
    struct ask q, write, reads[3];
    site_open((struct pg_config){ .connections = { 1, 1 }, .statement_timeout_ms = 300 });
    ask_submit(ask_init(&q, true, "SELECT pg_backend_pid()"));
    ask_wait(&q);
    pid_t pid = (pid_t)atoi(ask_text(&q, 0));
    ask_end(&q);
    kill(pid, SIGSTOP);
    ask_submit(ask_init(&write, false, "SELECT 1"));
    for (int i = 0; i < 3; i++) {
        ask_init(&reads[i], true, "SELECT 'read'");
        if (i == 2) reads[i].s.deadline_us = clock_us() + WAIT_MS * 1000u;
        ask_submit(&reads[i]);
    }
    ask_is(&write, E_DATABASE_TIMEOUT, "");
    assert_string_equal(write.s.sqlstate, "");
    for (int i = 0; i < 2; i++) ask_is(&reads[i], E_DATABASE_TIMEOUT, "");
    ask_is(&reads[2], E_OK, "read"); /* it had time left: by the other connection */
    ask_end(&write);
    for (int i = 0; i < 3; i++) ask_end(&reads[i]);
    loop_until(pg_ready(site.pg));
    kill(pid, SIGCONT);
    run_is("SELECT 1", "1");
}

/* --- beginnings and ends
 * ------------------------------------------------------------------------------------------------------ */

static void test_a_restarted_server(void **state)
{
    (void)state;
    struct ask q;
    site_open((struct pg_config){ .connections = { 2, 1 } });
    pg_server_stop();
    loop_until(!pg_ready(site.pg));
    for (int i = 0; i < 5; i++) {
        ask_submit(ask_init(&q, true, "SELECT 1"));
        ask_is(&q, E_DATABASE_DOWN, "");
        ask_end(&q);
    }
    pg_server_start();
    loop_until(pg_ready(site.pg));
    run_is("SELECT 1", "1");
}

static void test_ready_waits_for_a_migration(void **state)
{
    (void)state;
    static const struct pg_stmt tomorrow = { "tomorrow", "SELECT n FROM tomorrow" };
    static const struct pg_stmt *const statements[] = { &tomorrow, NULL };
    open_admin();
    site_start(&site, (struct pg_config){ .connections = { 1, 1 }, .statements = statements });
    for (int i = 0; i < 150; i++) loop_a_little();
    assert_false(pg_ready(site.pg));
    run_on(&admin, false, "CREATE TABLE tomorrow AS SELECT 5 AS n", E_OK, "");
    loop_until(pg_ready(site.pg));
    run_on(&admin, false, "DROP TABLE tomorrow", E_OK, "");
}

static void test_free_answers_what_is_under_way(void **state)
{
    (void)state;
    struct ask write, read, never;
    site_start(&site, (struct pg_config){ .connections = { 2, 2 } });
    ask_submit(ask_init(&never, true, "SELECT 1")); /* not connected yet */
    site_stop(&site);
    assert_int_equal(never.s.error, E_DATABASE_DOWN);
    ask_end(&never);
    site_open((struct pg_config){ .connections = { 1, 1 } });
    ask_submit(ask_init(&write, false, "SELECT pg_sleep(60)"));
    for (int i = 0; i < 5; i++) loop_a_little();
    ask_submit(ask_init(&read, true, "SELECT 1")); /* waiting */
    site_stop(&site);
    assert_int_equal(write.s.error, E_DATABASE_DOWN);
    assert_int_equal(read.s.error, E_DATABASE_DOWN);
    ask_end(&write);
    ask_end(&read);
}

/* --- notifications
 * ------------------------------------------------------------------------------------------------------------ */

static char heard[256];

static void on_notify(void *arg, struct str channel, struct str payload)
{
    (void)arg;
    size_t n = strlen(heard);
    if (str_is_none(channel)) snprintf(heard + n, sizeof heard - n, "[?]");
    else snprintf(heard + n, sizeof heard - n, "[%.*s %.*s]", STR_ARG(channel), STR_ARG(payload));
}

static void test_notifications(void **state)
{
    (void)state;
    static const char *const channels[] = { "names", "ends", ".own", NULL };
    open_admin();
    heard[0] = 0;
    site_open((struct pg_config){ .connections = { 2, 1 }, .channels = channels, .on_notify = on_notify });
    assert_true(pg_listening(site.pg));
    assert_string_equal(heard, "[?]"); /* before it listened, anything may have happened */
    run_on(&admin, true, "SELECT pg_notify('names', 'customer 1')", E_OK, "");
    run_on(&admin, true, "SELECT pg_notify('others', 'x')", E_OK, "");
    run("NOTIFY names");
    loop_until(!strcmp(heard, "[?][names customer 1][names ]"));
    run("NOTIFY \"other.own\"");
    run("NOTIFY \"public.own\""); /* of the session's schema */
    run("NOTIFY ends");
    loop_until(!strcmp(heard, "[?][names customer 1][names ][.own ][ends ]"));
    terminate_backends_where("true");
    loop_until(!pg_listening(site.pg));
    loop_until(pg_listening(site.pg));
    assert_string_equal(heard, "[?][names customer 1][names ][.own ][ends ][?]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG(test_a_killed_backend_loses_writes_only), PG(test_a_read_under_way_moves_too),
        PG(test_a_read_that_kills_backends_is_given_up), PG(test_backends_killed_under_load), PG(test_statement_timeout),
        PG(test_a_deadline_passes), PG(test_a_stopped_backend), PG(test_a_restarted_server),
        PG(test_ready_waits_for_a_migration), PG(test_free_answers_what_is_under_way), PG(test_notifications),
    };
    log_init("test", LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, pg_server_make, pg_server_end);
}
