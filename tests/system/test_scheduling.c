/* Workers run as SCHED_BATCH, sched(7), unless they are told not to. */
#include "expect.h"
#include "pool.h"
#include "replica.h"
#include "shell.h"
#include "stack.h"

#include <sched.h>
#include <stdlib.h>

/* Of a process's threads, those with this policy: the 41st field of proc_pid_stat(5), where a name has no spaces. */
static int threads_with(pid_t pid, int policy)
{
    return atoi(shell("awk '$41 == %d' /proc/%d/task/*/stat | wc -l", policy, (int)pid).text);
}

static void test_workers_interrupt_nobody(void **state)
{
    (void)state;
    own_stack_only();
    static const char *const parts[] = { "GATEWAY", "AUTH_SERVICE", "CUSTOMER_SERVICE", "OPPORTUNITY_SERVICE", "ORDER_SERVICE" };
    for (size_t i = 0; i < COUNT(parts); i++) {
        int batch = threads_with(part_pid(parts[i]), SCHED_BATCH);
        expect(batch >= 1, "%s has %d", parts[i], batch);
    }
}

static void test_a_worker_is_as_any_other_thread_where_that_is_wanted(void **state)
{
    (void)state;
    own_stack_only();
    struct replica r = replica_start("customer-service", "WORKERS=2", "SCHED_BATCH=0", NULL);
    assert_int_equal(threads_with(r.pid, SCHED_BATCH), 0);
    assert_true(threads_with(r.pid, SCHED_OTHER) >= 3);
    replica_stop(&r);
    r = replica_start("customer-service", "WORKERS=2", NULL);
    assert_true(threads_with(r.pid, SCHED_BATCH) >= 2);
    replica_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers_interrupt_nobody),
        cmocka_unit_test(test_a_worker_is_as_any_other_thread_where_that_is_wanted),
    };
    return system_main("scheduling", tests, COUNT(tests));
}
