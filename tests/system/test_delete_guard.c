/* A customer with open opportunities stays; without an answer of opportunity-service nothing is deleted. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "replica.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"
#include "trade.h"

#include <signal.h>
#include <string.h>

static bool is_known(void *id)
{
    return sql_count(stack.opportunity_db, "SELECT count(*) FROM customer_ref WHERE customer_id = '%s'", (const char *)id) == 1;
}

static char *known_customer(void)
{
    char *id = customer(unique("守"), NULL);
    expect(poll_until(20, is_known, id), "%s does not become known", id);
    return id;
}

static char *opportunity_of(const char *customer_id)
{
    target(stack.opportunity_url);
    char *id = opportunity(unique("机会"), customer_id, "\"estimated_amount\":1");
    target(stack.customer_url);
    return id;
}

static void expect_refused(struct reply *r, const char *reason)
{
    expect_error(r, 409, "STATE_CONFLICT", "opportunities");
    assert_string_equal(cJSON_GetObjectItem(detail_of(r, "opportunities"), "reason")->valuestring, reason);
}

static void test_customer_with_open_opportunities_is_not_deleted(void **state)
{
    (void)state;
    char *id = known_customer(), *first = opportunity_of(id), *second = opportunity_of(id);
    expect_refused(DELETE(customer_path(id)), "are open: 2");
    expect_refused(call("DELETE", text("%s?dry_run=true", customer_path(id)), NULL, NULL), "are open: 2");
    expect_refused(POST("/internal/v1/deleteCustomer", text("{\"customerId\":\"%s\"}", id)), "are open: 2");
    target(stack.opportunity_url);
    expect_status(DELETE(opportunity_path(first, "")), 200);
    expect_status(POST(opportunity_path(second, "/close"),
                       "{\"result\":\"输单\",\"lost_reason\":\"价格\"}"), 200);
    target(stack.customer_url);
    expect_status(DELETE(customer_path(id)), 200);
}

static void test_customer_with_live_orders_is_not_deleted(void **state)
{
    (void)state;
    char *id = customer_with_credit(NULL), *p = product("1");
    target(stack.order_url);
    char *draft = order(id, item(p, "1", NULL), NULL), *paid = order(id, item(p, "1", NULL), "\"tax_rate\":0,\"order_status\":\"已提交\"");
    target(stack.customer_url);
    struct reply *r = DELETE(customer_path(id));
    expect_error(r, 409, "STATE_CONFLICT", "orders");
    assert_string_equal(cJSON_GetObjectItem(detail_of(r, "orders"), "reason")->valuestring, "are not done with: 2");
    opportunity_of(id);
    expect_error(DELETE(customer_path(id)), 409, "STATE_CONFLICT", "orders,opportunities");
    target(stack.opportunity_url);
    sql(stack.opportunity_db, "UPDATE opportunities SET deleted_time = now() WHERE customer_id = '%s'", id);
    target(stack.order_url);
    expect_status(DELETE(order_path(draft, "")), 200);
    static const char *const steps[] = { "处理中", "已发货", "已完成" };
    for (size_t i = 0; i < COUNT(steps); i++)
        expect_status(POST(order_path(paid, "/status"), text("{\"order_status\":\"%s\"}", steps[i])), 200);
    target(stack.customer_url);
    expect_error(DELETE(customer_path(id)), 409, "STATE_CONFLICT", "orders"); /* not paid */
    target(stack.order_url);
    expect_status(POST(order_path(paid, "/payments"), "{\"amount\":1}"), 200);
    target(stack.customer_url);
    expect_status(DELETE(customer_path(id)), 200);
}

/* Who does not reach the customer is told that there is none, whatever hangs on it. */
static void test_nobody_learns_of_others_customers(void **state)
{
    (void)state;
    char *id = known_customer();
    opportunity_of(id);
    as(user_with_role("SALES_MANAGER"));
    expect_error(DELETE(customer_path(id)), 404, "NOT_FOUND", "");
    as(user_with_role("SALES_REP"));
    expect_error(DELETE(customer_path(id)), 403, "FORBIDDEN", "permission");
    as(stack.admin_token);
    expect_error(call("DELETE", customer_path(id), NULL, "If-Match: \"99.0\"", NULL), 412, "VERSION_CONFLICT", "");
    expect_error(DELETE(customer_path(UUID_ABSENT)), 404, "NOT_FOUND", "");
}

static bool is_deleted(void *path)
{
    return DELETE((const char *)path)->status == 200;
}

static void test_without_an_answer_nothing_is_deleted(void **state)
{
    (void)state;
    own_stack_only();
    char *id = known_customer();
    part_signal("OPPORTUNITY_SERVICE", SIGSTOP);
    for (int i = 0; i < 8; i++) { /* in the end without asking */
        struct reply *r = DELETE(customer_path(id));
        expect(r->seconds < 10, "%.1f s", r->seconds);
        if (r->status != 503) part_signal("OPPORTUNITY_SERVICE", SIGCONT);
        expect_error(r, 503, "SERVICE_UNAVAILABLE", "opportunities");
        expect(header(r, "Retry-After"), "no Retry-After");
    }
    part_signal("OPPORTUNITY_SERVICE", SIGCONT);
    expect_status(GET(customer_path(id)), 200);
    expect(poll_until(30, is_deleted, customer_path(id)), "it is not deleted afterwards");
    struct replica alone = replica_start("customer-service", "OPPORTUNITY_SERVICE_URL=", NULL);
    id = known_customer();
    opportunity_of(id);
    const char *url = text("%s%s", alone.url, customer_path(id));
    expect_status(http_send(&(struct request){ .method = "DELETE", .url = url, .token = stack.admin_token }), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_customer_with_open_opportunities_is_not_deleted),
        cmocka_unit_test(test_customer_with_live_orders_is_not_deleted),
        cmocka_unit_test(test_nobody_learns_of_others_customers),
        cmocka_unit_test(test_without_an_answer_nothing_is_deleted),
    };
    return system_main("delete guard", tests, COUNT(tests));
}
