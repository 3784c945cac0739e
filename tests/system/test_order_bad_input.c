/* What an order may not be: each refusal names all fields that are wrong, and nothing is written. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"
#include "trade.h"

#include <string.h>

static long orders(void)
{
    return sql_count(stack.order_db, "SELECT count(*) FROM orders") +
           sql_count(stack.order_db, "SELECT count(*) FROM outbox WHERE aggregate = 'order'");
}

static char *same_items(const char *p, int count)
{
    char *one = item(p, "1", NULL);
    return text("%s%s", repeat(text("%s,", one), count - 1), one);
}

static void test_bad_orders_are_refused_whole(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *other = customer_with_credit(NULL), *p = product("10"), *gone = product("10"),
         *stopped = product("10");
    char *foreign = opportunity_known(other), *theirs = quote(other, item(p, "1", NULL), NULL), *good = item(p, "1", NULL);
    expect_status(DELETE(text("/api/v1/products/%s", gone)), 200);
    expect_status(PATCH(text("/api/v1/products/%s", stopped), "{\"status\":\"停售\"}"), 200);
    const struct {
        const char *items, *more;
        int status;
        const char *slug, *fields;
    } cases[] = {
        { item(p, "-1", NULL), NULL, 400, "INVALID_FIELD", "order_items[0].quantity" },
        { item(p, "0", NULL), NULL, 400, "INVALID_FIELD", "order_items[0].quantity" },
        { item(p, "0.0001", NULL), NULL, 400, "INVALID_FIELD", "order_items[0].quantity" },
        { item(p, "1e3", NULL), NULL, 400, "INVALID_FIELD", "order_items[0].quantity" },
        { item(p, "99999999999999999999", NULL), NULL, 400, "INVALID_FIELD", "order_items[0].quantity" },
        { item(p, "\"1\"", NULL), NULL, 400, "INVALID_FIELD", "order_items[0].quantity" },
        { item(p, "1", "\"unit_price\":-1"), NULL, 400, "INVALID_FIELD", "order_items[0].unit_price" },
        { item(p, "1", "\"unit_price\":1.001"), NULL, 400, "INVALID_FIELD", "order_items[0].unit_price" },
        { item(p, "1", "\"unit_price\":1e2,\"amount\":1E2"), NULL, 400, "INVALID_FIELD",
          "order_items[0].unit_price,order_items[0].amount" },
        { item(p, "1", "\"colour\":1"), NULL, 400, NULL, "order_items[0].colour" },
        { item("x", "1", NULL), NULL, 400, "INVALID_FIELD", "order_items[0].product_id" },
        { "1,\"a\"", NULL, 400, "INVALID_FIELD", NULL },
        { "{}", NULL, 400, "INVALID_FIELD", "order_items[0].product_id,order_items[0].quantity" },
        { "", NULL, 400, "INVALID_FIELD", "order_items" },
        { same_items(p, 501), NULL, 400, "INVALID_FIELD", "order_items" },
        { same_items(p, 2), NULL, 422, "RULE_VIOLATED", "order_items[0].product_id,order_items[1].product_id" },
        { good, "\"tax_rate\":1e1,\"total_amount\":-1,\"order_date\":\"2023-02-30\",\"payment_status\":\"x\"", 400, "INVALID_FIELD",
          "tax_rate,total_amount,order_date,payment_status" },
        { good, "\"paid_amount\":5,\"order_id\":\"" UUID_ABSENT "\"", 400, NULL, "paid_amount,order_id" },
        { good, "\"order_status\":\"已完成\",\"payment_status\":\"已付款\"", 422, "RULE_VIOLATED", "order_status,payment_status" },
        { item(p, "2", "\"amount\":10"), "\"total_amount\":10,\"tax_amount\":1", 422, "RULE_VIOLATED", "order_items[0].amount" },
        { item(p, "2", NULL), "\"total_amount\":10,\"tax_amount\":1", 422, "RULE_VIOLATED", "total_amount,tax_amount" },
        { good, "\"tax_rate\":100.01", 422, "RULE_VIOLATED", "tax_rate" },
        { item(p, "1", "\"product_code\":\"X\",\"product_name\":\"Y\""), NULL, 422, "RULE_VIOLATED",
          "order_items[0].product_code,order_items[0].product_name" },
        { item(p, "9999999999", "\"unit_price\":9999999999"), NULL, 422, "RULE_VIOLATED", "total_amount" },
        { good, "\"order_date\":\"2023-02-02\",\"expected_delivery_date\":\"2023-02-01\"", 422, "RULE_VIOLATED",
          "expected_delivery_date" },
        { item(UUID_ABSENT, "1", NULL), NULL, 422, "BAD_REFERENCE", "order_items[0].product_id" },
        { text("%s,%s,%s", good, item(gone, "1", NULL), item(stopped, "1", NULL)), NULL, 422, "BAD_REFERENCE",
          "order_items[1].product_id,order_items[2].product_id" },
        { good, text("\"opportunity_id\":\"%s\"", foreign), 422, "BAD_REFERENCE", "opportunity_id" },
        { good, text("\"quote_id\":\"%s\",\"opportunity_id\":\"%s\"", theirs, foreign), 422, "BAD_REFERENCE",
          "quote_id,opportunity_id" },
        { good, "\"opportunity_id\":\"" UUID_ABSENT "\"", 422, "BAD_REFERENCE", "opportunity_id" },
    };
    long before = orders();
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_error(POST("/api/v1/orders", order_body(c, cases[i].items, cases[i].more)), cases[i].status, cases[i].slug, cases[i].fields);
    expect_error(POST("/api/v1/orders", order_body(UUID_ABSENT, good, NULL)), 422, "BAD_REFERENCE", "customer_id");
    expect_error(POST("/api/v1/orders", "{}"), 400, "INVALID_FIELD", "customer_id,order_items");
    assert_int_equal(orders(), before);
}

static void test_wrong_totals_are_answered_with_the_right_ones(void **state)
{
    (void)state;
    struct reply *r = POST("/api/v1/orders", order_body(customer_with_credit(NULL), item(product("10000"), "10", NULL),
                                                        "\"total_amount\":100000.01,\"tax_amount\":13000.01"));
    expect_error(r, 422, "RULE_VIOLATED", "total_amount,tax_amount");
    assert_string_equal(cJSON_GetObjectItem(detail_of(r, "total_amount"), "allowed")->valuestring, "100000.00");
    assert_string_equal(cJSON_GetObjectItem(detail_of(r, "tax_amount"), "allowed")->valuestring, "13000.00");
}

static void test_five_hundred_items_are_an_order(void **state)
{
    (void)state;
    char *all = text("%s", "");
    for (int i = 0; i < 500; i++)
        all = text("%s%s%s", all, i ? "," : "",
                   item(sql(stack.order_db,
                            "INSERT INTO products (product_id, product_code, product_name, unit_price, status) "
                            "VALUES (uuid_v7(), '%s', '量', 0.01, '在售') RETURNING product_id",
                            unique("Q")),
                        "1", NULL));
    struct reply *one = GET(order_path(order(customer_with_credit(NULL), all, NULL), ""));
    expect(has_text(one, "\"total_amount\":5.00") && cJSON_GetArraySize(at(one, "data.order_items")) == 500, "%.300s", one->body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_bad_orders_are_refused_whole, to_orders),
        cmocka_unit_test_setup(test_wrong_totals_are_answered_with_the_right_ones, to_orders),
        cmocka_unit_test_setup(test_five_hundred_items_are_an_order, to_orders),
    };
    return system_main("bad orders", tests, COUNT(tests));
}
