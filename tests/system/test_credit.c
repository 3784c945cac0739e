/* A customer's credit: taken by what is submitted, given back by what ends or is paid, and never more than there is. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "sql.h"
#include "stack.h"
#include "trade.h"

#include <stdlib.h>

static char *draft(const char *customer, const char *product)
{
    return order(customer, item(product, "1", NULL), "\"tax_rate\":0");
}

static struct reply *submit(const char *id) { return POST(order_path(id, "/submit"), NULL); }

static struct reply *credit(const char *customer) { return expect_status(GET(text("/api/v1/customers/%s/credit", customer)), 200); }

static void expect_used(const char *customer, const char *used, const char *free)
{
    struct reply *r = credit(customer);
    expect(has_text(r, text("\"used\":%s,\"free\":%s,", used, free)), "not %s used and %s free: %s", used, free, r->body);
}

static void test_submitting_takes_and_ending_gives_back(void **state)
{
    (void)state;
    char *c = customer_with_credit("100"), *p = product("60"), *first = draft(c, p), *second = draft(c, p);
    expect_used(c, "0.00", "100.00");
    expect_status(submit(first), 200);
    expect_used(c, "60.00", "40.00");
    struct reply *r = submit(second);
    expect_error(r, 422, "CREDIT_EXCEEDED", "amount_with_tax");
    assert_string_equal(cJSON_GetObjectItem(detail_of(r, "amount_with_tax"), "allowed")->valuestring, "40.00");
    expect(has_text(r, "credit limit 100.00, used 60.00, needed 60.00"), "%s", r->body);
    expect_order(second, "草稿");
    r = POST("/api/v1/orders", order_body(c, item(p, "1", NULL), "\"tax_rate\":0,\"order_status\":\"已提交\""));
    expect_error(r, 422, "CREDIT_EXCEEDED", "amount_with_tax");
    assert_int_equal(sql_count(stack.order_db, "SELECT count(*) FROM orders WHERE customer_id = '%s'", c), 2);

    expect_status(POST(order_path(first, "/payments"), "{\"amount\":20}"), 200);
    expect_used(c, "40.00", "60.00");
    expect_status(submit(second), 200);
    expect_used(c, "100.00", "0.00");
    expect_status(POST(order_path(second, "/cancel"), "{\"reason\":\"因\"}"), 200);
    expect_used(c, "40.00", "60.00");
    r = credit(c);
    assert_int_equal(cJSON_GetArraySize(at(r, "data.entries")), 4);
    assert_int_equal(cJSON_GetArraySize(at(r, "data.orders")), 1);
    expect_text(r, "data.orders.0.order_id", first);
    expect_credit_agrees();
}

/* Closing and opening again takes and gives back each time the same. */
static void test_closing_and_opening_again_leaves_nothing(void **state)
{
    (void)state;
    char *c = customer_with_credit("100"), *id = draft(c, product("60"));
    for (int i = 0; i < 3; i++) {
        expect_status(submit(id), 200);
        expect_used(c, "60.00", "40.00");
        expect_status(POST(order_path(id, "/cancel"), "{\"reason\":\"因\"}"), 200);
        expect_used(c, "0.00", "100.00");
        expect_status(DELETE(order_path(id, "")), 200);
        expect_status(POST(order_path(id, "/restore"), NULL), 200);
        expect_status(POST(order_path(id, "/status"), "{\"order_status\":\"草稿\",\"reason\":\"因\"}"), 200);
    }
    expect_credit_agrees();
}

/* The two ends of every approval, too. */
static void test_rejecting_gives_back(void **state)
{
    (void)state;
    char *c = customer_with_credit("1000000"), *id = draft(c, product("200000"));
    expect_text(submit(id), "data.order_status", "审批中");
    expect_used(c, "200000.00", "800000.00");
    expect_status(POST(order_path(id, "/reject"), "{\"reason\":\"因\"}"), 200);
    expect_used(c, "0.00", "1000000.00");
}

static void test_without_a_limit_all_is_taken(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *zero = customer_with_credit("0"), *p = product("99999.99");
    expect_status(submit(draft(c, p)), 200);
    expect_used(c, "99999.99", "null");
    expect_error(submit(draft(zero, p)), 422, "CREDIT_EXCEEDED", "amount_with_tax");
    expect_status(submit(order(zero, item(p, "1", "\"unit_price\":0"), NULL)), 200);
}

/* What is not known yet is no reason to give credit. */
static void test_limit_that_is_not_known_is_waited_for(void **state)
{
    (void)state;
    char *c = customer_with_credit("10"), *id = draft(c, product("60"));
    sql(stack.order_db, "UPDATE customer_ref SET credit_known = false, credit_limit = NULL WHERE customer_id = '%s'", c);
    expect_error(submit(id), 409, "STATE_CONFLICT", "customer_id");
    expect_order(id, "草稿");
}

static bool is_limit(void *customer)
{
    return sql_count(stack.order_db, "SELECT count(*) FROM customer_ref WHERE customer_id = '%s' AND credit_limit = 70",
                     (char *)customer) == 1;
}

static void test_limit_is_what_customer_service_says(void **state)
{
    (void)state;
    char *c = customer_with_credit("10"), *id = draft(c, product("60"));
    expect_error(submit(id), 422, "CREDIT_EXCEEDED", "amount_with_tax");
    target(stack.customer_url);
    expect_status(PATCH(customer_path(c), "{\"credit_limit\":70}"), 200);
    target(stack.order_url);
    expect(poll_until(20, is_limit, c), "the limit stays");
    expect_status(submit(id), 200);
}

/* The limit is for whom customer-service would show it to: whose customer it is, or who may see what is masked. */
static void test_limit_is_shown_to_who_may_see_it(void **state)
{
    (void)state;
    char *c = customer_with_credit("70");
    as(user_with_role("AUDITOR"));
    struct reply *r = credit(c);
    expect(has_text(r, "\"credit_limit\":null,\"used\":0.00,\"free\":null,"), "%s", r->body);
    as(user_with_role("SALES_REP"));
    expect_error(GET(text("/api/v1/customers/%s/credit", c)), 404, "NOT_FOUND", "");
    expect(has_text(credit(customer_with_credit("5.5")), "\"credit_limit\":5.50"), "not to its own");
}

enum { SUBMITS = 64, ROUNDS = 100, FIT = 10 };

/* 64 orders of 7 at one limit of 75, again and again: ten fit, ever. */
static void test_submits_at_once_never_exceed_the_limit(void **state)
{
    (void)state;
    char *c = customer_with_credit("75"), *p = product("7"), *ids[SUBMITS];
    struct request requests[SUBMITS];
    struct reply *replies[SUBMITS];
    for (int i = 0; i < SUBMITS; i++) {
        ids[i] = draft(c, p);
        requests[i] = (struct request){ .method = "POST",
                                        .url = text("%s%s", stack.order_url, order_path(ids[i], "/submit")),
                                        .token = stack.admin_token };
    }
    for (int round = 0; round < ROUNDS; round++) {
        int passed = 0;
        race_of(requests, replies, SUBMITS);
        for (int i = 0; i < SUBMITS; i++) {
            if (replies[i]->status == 200) passed++;
            else expect_error(replies[i], 422, "CREDIT_EXCEEDED", "amount_with_tax");
        }
        assert_int_equal(passed, FIT);
        assert_int_equal(
            sql_count(stack.order_db, "SELECT (sum(order_outstanding(o)) * 100)::bigint FROM orders o WHERE customer_id = '%s'", c),
            FIT * 700);
        sql(stack.order_db,
            "UPDATE orders SET order_status = '草稿', moves = moves + 1 WHERE customer_id = '%s' AND order_status = '已审批'", c);
    }
    expect_used(c, "0.00", "75.00");
    expect_credit_agrees();
}

/* The command that proves it can say no. */
static void test_difference_is_found(void **state)
{
    (void)state;
    char *c = customer_with_credit("75"), *id = draft(c, product("7"));
    expect_status(submit(id), 200);
    const char *command = text("DATABASE_URL='%s' '%s/order-service' verify-credit >/dev/null", stack.order_db, getenv("BIN_DIR"));
    sql(stack.order_db, "UPDATE credit_accounts SET used = used + 1 WHERE customer_id = '%s'", c);
    assert_int_not_equal(system(command), 0);
    sql(stack.order_db, "UPDATE credit_accounts SET used = used - 1 WHERE customer_id = '%s'", c);
    sql(stack.order_db, "UPDATE credit_entries SET amount = 6 WHERE order_id = '%s'", id);
    assert_int_not_equal(system(command), 0);
    sql(stack.order_db, "UPDATE credit_entries SET amount = 7 WHERE order_id = '%s'", id);
    expect_credit_agrees();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_submitting_takes_and_ending_gives_back, to_orders),
        cmocka_unit_test_setup(test_closing_and_opening_again_leaves_nothing, to_orders),
        cmocka_unit_test_setup(test_rejecting_gives_back, to_orders),
        cmocka_unit_test_setup(test_without_a_limit_all_is_taken, to_orders),
        cmocka_unit_test_setup(test_limit_that_is_not_known_is_waited_for, to_orders),
        cmocka_unit_test_setup(test_limit_is_what_customer_service_says, to_orders),
        cmocka_unit_test_setup(test_limit_is_shown_to_who_may_see_it, to_orders),
        cmocka_unit_test_setup(test_submits_at_once_never_exceed_the_limit, to_orders),
        cmocka_unit_test_setup(test_difference_is_found, to_orders),
    };
    return system_main("credit", tests, COUNT(tests));
}
