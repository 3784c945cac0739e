#include "unit.h"

#include "http/flow.h"
#include "http/reply.h"

/* Each step leaves a letter in r->out. */
static enum step step_a(struct req *r)
{
    buf_addc(&r->out, 'a');
    return STEP_NEXT;
}

static enum step step_wait(struct req *r)
{
    buf_addc(&r->out, 'w');
    return STEP_WAIT;
}

static enum step step_fail(struct req *r)
{
    problem_set(&r->problem, E_NOT_FOUND);
    return STEP_FAIL;
}

static enum step step_reply(struct req *r)
{
    buf_addc(&r->out, 'r');
    req_release(r); /* what server_reply() does at last */
    return STEP_NEXT;
}

void reply_error(struct req *r)
{
    buf_addc(&r->out, 'e');
}

static struct req *request(void)
{
    struct arena a;
    arena_init(&a);
    return req_new(&a);
}

static void test_steps_run_until_one_waits_and_go_on_after_it(void **state)
{
    static const step_fn steps[] = { step_a, step_wait, step_a, step_wait, step_a, NULL };
    static const char *const stages[] = { "aw", "awaw", "awawa" };
    struct req *r = request();
    (void)state;
    flow_start(r, steps);
    for (size_t i = 0; i < 3; i++) {
        assert_true(str_is(buf_str(&r->out), stages[i]));
        if (i < 2) flow_run(r);
    }
    req_release(r);
}

static void test_failure_is_answered_and_ends_the_flow(void **state)
{
    static const step_fn steps[] = { step_a, step_fail, step_a, NULL };
    struct req *r = request();
    (void)state;
    flow_start(r, steps);
    assert_true(str_is(buf_str(&r->out), "ae"));
    req_release(r);
}

static void test_step_that_replies_may_give_the_last_hold_away(void **state)
{
    static const step_fn steps[] = { step_a, step_reply, NULL };
    struct req *r = request();
    (void)state;
    flow_start(r, steps); /* ASan looks on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_run_until_one_waits_and_go_on_after_it),
        cmocka_unit_test(test_failure_is_answered_and_ends_the_flow),
        cmocka_unit_test(test_step_that_replies_may_give_the_last_hold_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
