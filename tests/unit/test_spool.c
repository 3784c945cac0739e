/* The gateway's spool: what it says is on the disk is in its files, a lone line at once, those of a busy time together. */
#include "../../gateway/spool.h"

#include "unit.h"

#include "base/clock.h"
#include "http/worker.h"

#include <event2/event.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 2, DEADLINE_S = 20 };

/* How far apart writes begin, APART_US and APART_BUSY_US of gateway/spool.c: a lone line waits for none of it. */
enum { APART_US = 5000, APART_BUSY_US = 10000 };

static char folder[] = "/tmp/test_spool_XXXXXX";

/* A worker's loop, and what it adds when it is told of a write. */
struct party {
    struct worker worker;
    struct spool_user *user;
    int index, added, left, told; /* lines; `left` are to come, one after another */
    uint64_t last;
};

static void add(struct party *p)
{
    char line[32];
    snprintf(line, sizeof line, "%d:%d\n", p->index, p->added++);
    p->last = spool_add(p->user, str_of(line));
}

static void on_written(void *arg)
{
    struct party *p = arg;
    p->told++;
    if (spool_durable() < p->last) return;
    if (p->left) p->left--, add(p);
    else event_base_loopbreak(p->worker.base);
}

static void party_init(struct party *p, int index)
{
    *p = (struct party){ .index = index, .worker = { .base = event_base_new() } };
    assert_non_null(p->worker.base);
    p->user = spool_join(&p->worker, on_written, p);
}

static void party_done(struct party *p)
{
    spool_leave(p->user);
    event_base_free(p->worker.base);
}

/* Until it has been told of its last line. */
static void dispatch(struct party *p)
{
    event_base_loopexit(p->worker.base, &(struct timeval){ DEADLINE_S, 0 });
    event_base_dispatch(p->worker.base);
}

static void pass(struct party *p, long us)
{
    event_base_loopexit(p->worker.base, &(struct timeval){ 0, us });
    event_base_dispatch(p->worker.base);
}

/* Lines of one worker in all files, which have them in their order; 0 at the first that is not the next. */
static int in_order(int index)
{
    char command[128], line[32];
    int next = 0;
    snprintf(command, sizeof command, "cat %s/* | tr -d '\\0' | grep '^%d:'", folder, index);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    for (; next >= 0 && fgets(line, sizeof line, f);) next = atoi(line + 2) == next ? next + 1 : -1;
    pclose(f);
    return next < 0 ? 0 : next;
}

static void *party_run(void *arg)
{
    dispatch(arg);
    return NULL;
}

static void test_who_is_told_has_lines_in_the_files(void **state)
{
    (void)state;
    enum { LINES = 200 };
    struct party p[WORKERS];
    pthread_t thread[WORKERS];
    for (int i = 0; i < WORKERS; i++) party_init(&p[i], i);
    for (int i = 0; i < WORKERS; i++) {
        p[i].left = LINES - 1;
        add(&p[i]);
        assert_int_equal(pthread_create(&thread[i], NULL, party_run, &p[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < WORKERS; i++) {
        expect(spool_durable() >= p[i].last, "worker %d", i);
        expect(in_order(i) == LINES, "worker %d: %d of %d lines", i, in_order(i), LINES);
        party_done(&p[i]);
    }
}

static void test_who_waits_for_nothing_is_not_told(void **state)
{
    (void)state;
    struct party asker, idle;
    party_init(&asker, 2);
    party_init(&idle, 3);
    add(&asker);
    dispatch(&asker);
    event_base_loop(idle.worker.base, EVLOOP_NONBLOCK);
    assert_int_equal(asker.told, 1);
    assert_int_equal(idle.told, 0);
    party_done(&asker);
    party_done(&idle);
}

/* The best of some: the disk may be another's for a while. */
static void test_a_lone_line_is_written_at_once(void **state)
{
    (void)state;
    enum { TRIES = 20 };
    struct party p;
    uint64_t best = UINT64_MAX;
    party_init(&p, 4);
    for (int i = 0; i < TRIES; i++) {
        pass(&p, 2 * APART_BUSY_US);
        uint64_t begun = clock_us();
        add(&p);
        dispatch(&p);
        if (clock_us() - begun < best) best = clock_us() - begun;
    }
    expect(best < APART_US, "%llu us", (unsigned long long)best);
    party_done(&p);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    enum { BURST = 8 };
    (void)fd, (void)what;
    for (int i = 0; i < BURST; i++) add(arg);
}

/* Some of the first writes come before it is known how busy it is. */
static void test_lines_of_a_busy_time_share_a_write(void **state)
{
    (void)state;
    enum { BUSY_FOR_US = 500 * 1000, FIRST = 5 };
    struct party p;
    party_init(&p, 5);
    struct event *tick = event_new(p.worker.base, -1, EV_PERSIST, on_tick, &p);
    event_add(tick, &(struct timeval){ 0, 1000 });
    p.left = INT_MAX; /* there is always one to be told of */
    uint64_t begun = clock_us();
    pass(&p, BUSY_FOR_US);
    uint64_t most = (clock_us() - begun) / APART_BUSY_US + FIRST;
    expect((uint64_t)p.told <= most, "%d writes for %d lines, %llu at most", p.told, p.added, (unsigned long long)most);
    event_free(tick);
    p.left = 0;
    dispatch(&p);
    expect(in_order(5) == p.added, "%d of %d lines", in_order(5), p.added);
    party_done(&p);
}

static int start(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    return spool_start(folder) ? -1 : 0;
}

static int stop(void **state)
{
    char command[64];
    (void)state;
    spool_stop();
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_told_has_lines_in_the_files),
        cmocka_unit_test(test_who_waits_for_nothing_is_not_told),
        cmocka_unit_test(test_a_lone_line_is_written_at_once),
        cmocka_unit_test(test_lines_of_a_busy_time_share_a_write),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
