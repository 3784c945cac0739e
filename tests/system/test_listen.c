/* Where a process listens: there alone. */
#include "crm.h"
#include "expect.h"
#include "fleet.h"
#include "pool.h"
#include "replica.h"
#include "stack.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static int port_of(const char *url)
{
    return atoi(strrchr(url, ':') + 1);
}

static void expect_said(int port)
{
    expect(fleet_log_has(text("\"cannot listen\",\"address\":\"127.0.0.1\",\"port\":%d,\"error\":\"Address already in use\"", port)),
           "nothing is said of port %d", port);
}

/* Connections would go to either, each to a part of them. */
static void test_a_port_of_another_process_is_refused(void **state)
{
    (void)state;
    struct replica service = replica_start("customer-service", NULL), gateway = replica_start("gateway", NULL);
    int port = port_of(service.url), https_port = port_of(gateway.https_url);
    assert_int_equal(replica_refusal("order-service", text("HTTP_PORT=%d", port), NULL), EXIT_FAILURE);
    expect_said(port);
    assert_int_equal(replica_refusal("gateway", text("HTTPS_PORT=%d", https_port), NULL), EXIT_FAILURE);
    expect_said(https_port);
    fleet_asks_well(&gateway, 10);
    assert_int_equal(replica_stop(&gateway), 0);
    assert_int_equal(replica_stop(&service), 0);
}

static void test_two_ports_of_a_process_are_not_the_same(void **state)
{
    static const struct { const char *one, *other; } cases[] = {
        { "HTTPS_PORT", "PLAIN_PORT" }, { "HTTPS_PORT", "ADMIN_PORT" }, { "PLAIN_PORT", "ADMIN_PORT" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int port = replica_port();
        const char *one = text("%s=%d", cases[i].one, port), *other = text("%s=%d", cases[i].other, port);
        expect(replica_refusal("gateway", one, other, NULL) == EXIT_FAILURE, "%s, %s", one, other);
        expect_said(port);
        expect(replica_refusal("gateway", "HTTPS_ADDRESS=0.0.0.0", one, other, NULL) == EXIT_FAILURE, "%s, %s", one, other);
    }
}

/* What is left of the connections of the one before keeps nobody away. */
static void test_a_port_is_free_as_soon_as_its_process_has_ended(void **state)
{
    (void)state;
    int port = replica_port();
    for (int i = 0; i < 4; i++) {
        struct replica service = replica_start_at("127.0.0.1", port, "customer-service", NULL);
        for (int fresh = 0; fresh < 2; fresh++)
            expect_status(http_send(&(struct request){ .method = "GET", .url = text("%s/healthz", service.url), .fresh = fresh }), 200);
        kill(service.pid, i % 2 ? SIGKILL : SIGTERM);
        siginfo_t how;
        assert_int_equal(waitid(P_PID, (id_t)service.pid, &how, WEXITED | WNOWAIT), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_port_of_another_process_is_refused),
        cmocka_unit_test(test_two_ports_of_a_process_are_not_the_same),
        cmocka_unit_test(test_a_port_is_free_as_soon_as_its_process_has_ended),
    };
    return system_main("listen", tests, COUNT(tests));
}
