/* The gateway asks its services whether they are ready: who is not gets no requests, but the last one always does. */
#include "expect.h"
#include "fleet.h"
#include "pool.h"
#include "stack.h"

#include <signal.h>

#define CHECKS "UPSTREAM_CHECK_MS=50", "UPSTREAM_CHECK_TIMEOUT_MS=200", "WORKERS=1"

static bool log_says(const struct replica *service, const char *what)
{
    return fleet_log_has(text("\"message\":\"upstream host is %s\",\"host\":\"%s\"", what, service->url));
}

static void test_host_that_stands_still_gets_no_requests(void **state)
{
    (void)state;
    struct replica one = replica_start("customer-service", NULL), two = replica_start("customer-service", NULL);
    struct replica gateway =
        replica_start("gateway", text("UPSTREAM_CUSTOMER_SERVICE=%s,%s", one.url, two.url), CHECKS, NULL);
    fleet_asks_until_served(&gateway, &one);
    fleet_asks_until_served(&gateway, &two);
    kill(one.pid, SIGSTOP);
    bool is_down = log_says(&one, "down");
    fleet_asks_well(&gateway, 30); /* whoever waits for it gets 504 */
    kill(one.pid, SIGCONT);
    expect(is_down, "it is not put down");
    expect(log_says(&one, "up"), "it is not put up again");
    fleet_asks_until_served(&gateway, &one);
    assert_int_equal(replica_stop(&gateway), 0);
}

static void test_rolling_restart_loses_nothing(void **state)
{
    (void)state;
    const char *delay = "DRAIN_DELAY_MS=5000";
    struct replica one = replica_start("customer-service", delay, NULL), two = replica_start("customer-service", delay, NULL);
    struct replica gateway =
        replica_start("gateway", text("UPSTREAM_CUSTOMER_SERVICE=%s,%s", one.url, two.url), CHECKS, NULL);
    fleet_asks_until_served(&gateway, &one);
    fleet_asks_until_served(&gateway, &two);
    kill(one.pid, SIGTERM); /* not ready any more, but it still answers */
    expect(log_says(&one, "down"), "it is not put down");
    int before = fleet_served(&one);
    fleet_asks_well(&gateway, 20);
    assert_int_equal(fleet_served(&one), before);
    assert_int_equal(replica_stop(&one), 0);
    fleet_asks_well(&gateway, 20);
    assert_int_equal(replica_stop(&gateway), 0);
}

static void test_last_host_is_never_put_out(void **state)
{
    (void)state;
    struct replica one = replica_start("customer-service", "DRAIN_DELAY_MS=60000", NULL);
    struct replica gateway = replica_start("gateway", text("UPSTREAM_CUSTOMER_SERVICE=%s", one.url), CHECKS, NULL);
    fleet_asks_well(&gateway, 1);
    kill(one.pid, SIGTERM);
    expect(log_says(&one, "down"), "nobody has noticed");
    fleet_asks_well(&gateway, 20);
    assert_int_equal(replica_stop(&gateway), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_that_stands_still_gets_no_requests),
        cmocka_unit_test(test_rolling_restart_loses_nothing),
        cmocka_unit_test(test_last_host_is_never_put_out),
    };
    return system_main("gateway_health", tests, COUNT(tests));
}
