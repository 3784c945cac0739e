#include "base/clock.h"
#include "base/log.h"
#include "io/redis.h"
#include "io/redis_subscription.h"

#include "redis_server.h"

#include <event2/event.h>

enum { WAIT_MS = 10000 };

static struct event_base *base;
static struct redis_subscription *subscription;
static int heard;

static void on_message(void *arg)
{
    int *n = arg;
    ++*n;
}

static void on_published(void *arg, const struct redis_value *v)
{
    *(int64_t *)arg = v->kind == REDIS_INTEGER ? v->integer : -1;
}

static void turn(void)
{
    static const struct timeval tick = { 0, 2000 };
    event_base_loopexit(base, &tick);
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
}

static void loop_until_heard(int n)
{
    uint64_t until = clock_us() + WAIT_MS * 1000u;
    while (heard < n && clock_us() < until) turn();
    assert_int_equal(heard, n);
}

/* To how many. */
static int64_t publish(const char *url, const char *channel)
{
    int64_t reached = -2;
    struct redis *r = redis_new(base, url);
    uint64_t until = clock_us() + WAIT_MS * 1000u;
    while (!redis_ready(r) && clock_us() < until) turn();
    redis_command(r, WAIT_MS, on_published, &reached, 3, (const char *[]){ "PUBLISH", channel, "x" }, NULL);
    while (reached == -2 && clock_us() < until) turn();
    redis_free(r);
    return reached;
}

static int setup(void **state)
{
    (void)state;
    base = event_base_new();
    redis_server_make();
    heard = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    redis_unsubscribe(subscription);
    subscription = NULL;
    redis_server_end();
    event_base_free(base);
    return 0;
}

static void test_messages_of_its_channel(void **state)
{
    (void)state;
    redis_server_start(NULL);
    subscription = redis_subscribe(base, redis_server.url, "ends", on_message, &heard);
    loop_until_heard(1); /* it listens */
    assert_int_equal(publish(redis_server.url, "ends"), 1);
    loop_until_heard(2);
    assert_int_equal(publish(redis_server.url, "others"), 0);
    assert_int_equal(publish(redis_server.url, "ends"), 1);
    loop_until_heard(3);
}

static void test_it_comes_back_and_says_so(void **state)
{
    (void)state;
    subscription = redis_subscribe(base, redis_server.url, "ends", on_message, &heard); /* before there is a server */
    for (int i = 0; i < 20; i++) turn();
    assert_int_equal(heard, 0);
    redis_server_start(NULL);
    loop_until_heard(1);
    redis_server_kill();
    redis_server_start(NULL);
    loop_until_heard(2); /* whatever came in between was missed */
    assert_int_equal(publish(redis_server.url, "ends"), 1);
    loop_until_heard(3);
}

static void test_passwords(void **state)
{
    (void)state;
    char url[128];
    redis_server_start("s3cret");
    snprintf(url, sizeof url, "unix://:wrong@%s", redis_server.socket);
    subscription = redis_subscribe(base, url, "ends", on_message, &heard);
    for (int i = 0; i < 100; i++) turn();
    assert_int_equal(heard, 0);
    redis_unsubscribe(subscription);
    snprintf(url, sizeof url, "unix://:s3cret@%s", redis_server.socket);
    subscription = redis_subscribe(base, url, "ends", on_message, &heard);
    loop_until_heard(1);
    assert_int_equal(publish(url, "ends"), 1);
    loop_until_heard(2);
}

static void test_urls(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "http://127.0.0.1", "redis://name", "unix://relative" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_null(redis_subscribe(base, bad[i], "ends", on_message, &heard));
        assert_false(redis_takes_url(bad[i]));
    }
    assert_true(redis_takes_url("redis://127.0.0.1:6379/2"));
}

int main(void)
{
#define SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        SERVER(test_messages_of_its_channel),
        SERVER(test_it_comes_back_and_says_so),
        SERVER(test_passwords),
        SERVER(test_urls),
    };
    log_init("test", LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
