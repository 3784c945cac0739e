/* A service whose addresses the gateway learns from a name server, as from a headless service of Kubernetes. */
#include "../dns.h"
#include "expect.h"
#include "fleet.h"
#include "pool.h"
#include "stack.h"

#include <signal.h>

static struct dns dns;

static struct replica gateway_for(int port)
{
    return replica_start("gateway", text("UPSTREAM_CUSTOMER_SERVICE=http://customer.test:%d", port),
                         text("DNS_SERVER=%s", dns.address), "UPSTREAM_RESOLVE_MS=50", "WORKERS=1", NULL);
}

static bool is_asked(void *arg)
{
    return dns_questions(&dns) >= *(int *)arg;
}

static void until_asked(int more)
{
    int want = dns_questions(&dns) + more;
    expect(poll_until(20, is_asked, &want), "the name is not asked for again");
}

static void test_addresses_of_a_name_are_followed(void **state)
{
    (void)state;
    int port = replica_port();
    struct replica one = replica_start_at("127.0.0.1", port, "customer-service", NULL);
    struct replica two = replica_start_at("127.0.0.2", port, "customer-service", NULL);
    struct replica three = replica_start_at("127.0.0.3", port, "customer-service", NULL);
    dns_start(&dns);
    dns_answer(&dns, "127.0.0.1", "127.0.0.2", NULL);
    struct replica gateway = gateway_for(port);
    fleet_asks_until_well(&gateway);
    fleet_asks_until_served(&gateway, &one);
    fleet_asks_until_served(&gateway, &two);
    assert_int_equal(fleet_served(&three), 0);

    dns_answer(&dns, "127.0.0.2", "127.0.0.3", NULL);
    fleet_asks_until_served(&gateway, &three);
    int before = fleet_served(&one);
    fleet_asks_well(&gateway, 30);
    assert_int_equal(fleet_served(&one), before);
    assert_int_equal(replica_stop(&one), 0);
    fleet_asks_until_served(&gateway, &two);
    assert_int_equal(replica_stop(&gateway), 0);
    dns_stop(&dns);
}

static void test_name_server_that_is_silent_changes_nothing(void **state)
{
    (void)state;
    int port = replica_port();
    struct replica one = replica_start_at("127.0.0.1", port, "customer-service", NULL);
    struct replica two = replica_start_at("127.0.0.2", port, "customer-service", NULL);
    dns_start(&dns);
    dns_answer(&dns, "127.0.0.1", "127.0.0.2", NULL);
    struct replica gateway = gateway_for(port);
    fleet_asks_until_well(&gateway);
    dns_answer(&dns, NULL); /* no such name */
    until_asked(4);
    fleet_asks_until_served(&gateway, &one);
    fleet_asks_until_served(&gateway, &two);
    dns_silence(&dns, true);
    until_asked(2);
    fleet_asks_until_served(&gateway, &one);
    fleet_asks_until_served(&gateway, &two);
    assert_int_equal(replica_stop(&gateway), 0); /* with a question under way */
    dns_stop(&dns);
}

static void test_name_may_come_later_than_the_gateway(void **state)
{
    (void)state;
    int port = replica_port();
    struct replica one = replica_start_at("127.0.0.1", port, "customer-service", NULL);
    dns_start(&dns);
    struct replica gateway = gateway_for(port);
    struct reply *refused = fleet_ask(&gateway);
    expect_error(refused, 503, "SERVICE_UNAVAILABLE", "");
    assert_non_null(header(refused, "Retry-After"));
    dns_answer(&dns, "127.0.0.1", NULL);
    fleet_asks_until_well(&gateway);
    fleet_asks_until_served(&gateway, &one);
    assert_int_equal(replica_stop(&gateway), 0);
    dns_stop(&dns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_of_a_name_are_followed),
        cmocka_unit_test(test_name_server_that_is_silent_changes_nothing),
        cmocka_unit_test(test_name_may_come_later_than_the_gateway),
    };
    return system_main("gateway_dns", tests, COUNT(tests));
}
