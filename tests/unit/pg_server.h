/* pg_server: a real PostgreSQL cluster in a directory of its own, on a unix socket, made and ended by the test; and a caller of
 * io/pg. The server refuses root, so it runs as nobody then. */
#ifndef TESTS_PG_SERVER_H
#define TESTS_PG_SERVER_H

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/pg.h"
#include "io/work.h"

#include "unit.h"

#include <event2/event.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PG_BIN "/usr/lib/postgresql/15/bin/"

enum { WAIT_MS = 20000 };

static struct pg_server {
    char dir[32], data[48], url[96];
    pid_t pid;
} pg_server;

static inline pid_t pg_server_spawn(const char *const *argv)
{
    pid_t pid = fork();
    if (pid) return pid;
    const struct passwd *nobody = geteuid() == 0 ? getpwnam("nobody") : NULL;
    if (nobody && (setgroups(0, NULL) || setgid(nobody->pw_gid) || setuid(nobody->pw_uid))) _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (chdir(pg_server.dir) || !freopen("log", "a", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0) _exit(126);
    unsetenv("ASAN_OPTIONS");
    execv(argv[0], (char **)argv);
    _exit(127);
}

static inline void pg_server_start(void)
{
    const char *argv[] = { PG_BIN "postgres",    "-D", pg_server.data,   "-k", pg_server.dir,         "-c",
                           "listen_addresses=",  "-c", "fsync=off",      "-c", "shared_buffers=16MB", "-c",
                           "max_connections=50", "-c", "autovacuum=off", NULL };
    pg_server.pid = pg_server_spawn(argv);
}

static inline int pg_server_make(void **state)
{
    const char *initdb[] = { PG_BIN "initdb", "-D", pg_server.data, "-U", "crm", "--auth=trust", "--encoding=UTF8", "--locale=C",
                             "--no-sync", NULL };
    const struct passwd *nobody = geteuid() == 0 ? getpwnam("nobody") : NULL;
    int status = 0;
    (void)state;
    snprintf(pg_server.dir, sizeof pg_server.dir, "/tmp/test_pg_XXXXXX");
    assert_non_null(mkdtemp(pg_server.dir));
    if (nobody && chown(pg_server.dir, nobody->pw_uid, nobody->pw_gid)) return -1;
    snprintf(pg_server.data, sizeof pg_server.data, "%s/data", pg_server.dir);
    snprintf(pg_server.url, sizeof pg_server.url, "host=%s user=crm dbname=postgres", pg_server.dir);
    if (waitpid(pg_server_spawn(initdb), &status, 0) < 0 || status) return -1;
    pg_server_start();
    return 0;
}

static inline void pg_server_stop(void)
{
    kill(pg_server.pid, SIGQUIT);
    assert_int_equal(waitpid(pg_server.pid, NULL, 0), pg_server.pid);
}

static inline int pg_server_end(void **state)
{
    char command[64];
    (void)state;
    pg_server_stop();
    snprintf(command, sizeof command, "rm -rf %s", pg_server.dir);
    return system(command);
}

/* --- pools ------------------------------------------------------------------------------------------------------------- */

struct site {
    struct work *work;
    struct pg *pg;
};

static struct event_base *base;
static struct site site, admin; /* what is tested; what looks on and pulls the strings */

static inline void loop_a_little(void)
{
    struct timeval tick = { 0, 2000 };
    event_base_loopexit(base, &tick);
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
}

#define loop_until(condition)                                                       \
    do {                                                                            \
        uint64_t until_ = clock_us() + WAIT_MS * 1000u;                             \
        while (!(condition) && clock_us() < until_) loop_a_little();                \
        expect(condition, "within %d s", WAIT_MS / 1000);                           \
    } while (0)

/* Not connected yet; url NULL: the cluster's. */
static inline void site_start(struct site *s, struct pg_config config)
{
    config.url = config.url ? config.url : pg_server.url;
    config.timezone = "UTC";
    config.application = s == &site ? "site" : "admin";
    if (!config.statement_timeout_ms) config.statement_timeout_ms = 5000;
    s->work = work_new(base);
    s->pg = pg_new(base, s->work, &config);
}

static inline void site_stop(struct site *s)
{
    if (!s->pg) return;
    work_free(s->work);
    pg_free(s->pg);
    *s = (struct site){ 0 };
}

static inline void site_open(struct pg_config config)
{
    site_start(&site, config);
    loop_until(pg_ready(site.pg));
}

/* --- a caller ------------------------------------------------------------------------------------------------------------ */

struct ask {
    struct pg_segment s;
    struct pg_stmt stmts[PG_CALLS];
    int calls, turn; /* which of all answers it was */
};

static bool ask_is_submitting;
static int ask_turns;

static inline void ask_done(struct pg_segment *s, void *arg)
{
    struct ask *q = arg;
    (void)s;
    assert_false(ask_is_submitting);
    q->calls++;
    q->turn = ++ask_turns;
}

static inline void ask_add(struct ask *q, const char *sql)
{
    struct pg_stmt *stmt = &q->stmts[q->s.count];
    *stmt = (struct pg_stmt){ NULL, sql };
    pg_add(&q->s, stmt, NULL, 0);
}

static inline struct ask *ask_init(struct ask *q, bool reads, const char *sql)
{
    memset(q, 0, sizeof *q);
    pg_segment_init(&q->s, PG_FAST, ask_done, q);
    q->s.reads = reads;
    if (sql) ask_add(q, sql);
    return q;
}

static inline void ask_submit_to(struct site *to, struct ask *q)
{
    ask_is_submitting = true;
    pg_submit(to->pg, &q->s);
    ask_is_submitting = false;
}

static inline void ask_submit(struct ask *q)
{
    ask_submit_to(&site, q);
}

static inline void ask_wait(struct ask *q)
{
    loop_until(q->calls);
    assert_int_equal(q->calls, 1);
}

/* "" when there is no such value. Valid until ask_end(). */
static inline const char *ask_text(const struct ask *q, int call)
{
    if (!q->s.results[call] || !pg_rows(&q->s, call)) return "";
    struct str v = pg_value(&q->s, call, 0, 0);
    return str_is_none(v) ? "NULL" : v.p;
}

static inline void ask_end(struct ask *q)
{
    assert_int_equal(q->calls, 1);
    pg_segment_done(&q->s);
}

static inline void ask_is(struct ask *q, enum err_code error, const char *text)
{
    ask_wait(q);
    expect(q->s.error == error && !strcmp(ask_text(q, 0), text), "error %d %s: '%s'; wanted %d '%s'", q->s.error, q->s.sqlstate,
           ask_text(q, 0), error, text);
}

static inline void run_on(struct site *to, bool reads, const char *sql, enum err_code error, const char *text)
{
    struct ask q;
    ask_submit_to(to, ask_init(&q, reads, sql));
    ask_is(&q, error, text);
    ask_end(&q);
}

static inline void run(const char *sql)
{
    run_on(&site, false, sql, E_OK, "");
}

static inline void run_is(const char *sql, const char *text)
{
    run_on(&site, true, sql, E_OK, text);
}

static inline int setup(void **state)
{
    (void)state;
    base = event_base_new();
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    site_stop(&site);
    site_stop(&admin);
    event_base_free(base);
    return 0;
}

#define PG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
