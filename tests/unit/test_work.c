#include "base/clock.h"
#include "io/work.h"

#include "unit.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

enum { WAIT_MS = 10000 };

static struct event_base *base;
static struct work *work;

struct task {
    int number, ran, done;
    pthread_t ran_on, done_on;
    struct task *then; /* submitted from done() */
};

static int order[2000], ordered;

static void run(void *arg)
{
    struct task *t = arg;
    t->ran++;
    t->ran_on = pthread_self();
}

static void submit(struct task *t);

static void done(void *arg)
{
    struct task *t = arg;
    t->done++;
    t->done_on = pthread_self();
    order[ordered++] = t->number;
    if (t->then) submit(t->then);
}

static void submit(struct task *t)
{
    work_submit(work, run, done, t);
}

static void loop_until_delivered(void)
{
    uint64_t until = clock_us() + WAIT_MS * 1000u;
    while (work_waiting(work) && clock_us() < until) event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(work_waiting(work), 0);
}

static int setup(void **state)
{
    (void)state;
    base = event_base_new();
    work = work_new(base);
    ordered = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (work) work_free(work);
    event_base_free(base);
    return 0;
}

static void test_runs_on_the_thread_and_returns_to_the_loop(void **state)
{
    (void)state;
    struct task t = { 0 };
    submit(&t);
    assert_int_equal(work_waiting(work), 1);
    loop_until_delivered();
    assert_int_equal(t.ran, 1);
    assert_int_equal(t.done, 1);
    assert_false(pthread_equal(t.ran_on, pthread_self()));
    assert_true(pthread_equal(t.done_on, pthread_self()));
}

static void test_one_after_the_other(void **state)
{
    (void)state;
    static struct task tasks[COUNT(order)];
    memset(tasks, 0, sizeof tasks);
    for (size_t i = 0; i < COUNT(tasks); i++) {
        tasks[i].number = (int)i;
        submit(&tasks[i]);
        if (i % 100 == 0) event_base_loop(base, EVLOOP_NONBLOCK);
    }
    loop_until_delivered();
    assert_int_equal(ordered, COUNT(tasks));
    for (size_t i = 0; i < COUNT(tasks); i++) assert_true(order[i] == (int)i && tasks[i].ran == 1 && tasks[i].done == 1);
}

static void test_a_result_may_lead_to_further_work(void **state)
{
    (void)state;
    struct task third = { .number = 3 }, second = { .number = 2, .then = &third }, first = { .number = 1, .then = &second };
    submit(&first);
    loop_until_delivered();
    assert_int_equal(ordered, 3);
    assert_int_equal(order[2], 3);
}

static atomic_bool begun, let_go;

static void run_until_let_go(void *arg)
{
    (void)arg;
    begun = true;
    while (!let_go) usleep(1000);
    usleep(20 * 1000);
    *(int *)arg = 1;
}

static void *let_go_soon(void *arg)
{
    usleep(20 * 1000);
    let_go = true;
    return arg;
}

static void must_not_come(void *arg)
{
    (void)arg;
    fail();
}

static void test_free_waits_for_the_job_under_way_and_drops_the_rest(void **state)
{
    (void)state;
    int finished = 0;
    struct task never = { 0 };
    pthread_t thread;
    begun = let_go = false;
    work_submit(work, run_until_let_go, must_not_come, &finished);
    work_submit(work, run, must_not_come, &never);
    while (!begun) usleep(1000);
    pthread_create(&thread, NULL, let_go_soon, NULL);
    work_free(work);
    work = NULL;
    pthread_join(thread, NULL);
    assert_int_equal(finished, 1);
    assert_int_equal(never.ran, 0);
}

int main(void)
{
#define WORK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WORK(test_runs_on_the_thread_and_returns_to_the_loop), WORK(test_one_after_the_other),
        WORK(test_a_result_may_lead_to_further_work), WORK(test_free_waits_for_the_job_under_way_and_drops_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
