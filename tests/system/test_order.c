/* Orders as the requirement document has them: list (3.3.1), create (3.3.2), internal methods (4.3); and what else a record is for. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"
#include "trade.h"

#include <stdlib.h>
#include <string.h>

#define DOCUMENTED \
    "\"order_date\":\"2023-01-01\",\"total_amount\":100000.00,\"tax_rate\":13.00,\"tax_amount\":13000.00,\"shipping_address\":\"北京市朝阳区\"," \
    "\"expected_delivery_date\":\"2023-01-10\",\"payment_terms\":\"月结30天\",\"payment_status\":\"未付款\",\"order_status\":\"已提交\"," \
    "\"description\":\"备注信息\""

static void test_create_as_documented(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *p = product("10000"), *o = opportunity_known(c);
    const char *number = unique("SO2023");
    struct reply *r =
        POST("/api/v1/orders",
             order_body(c, item(p, "10", "\"unit_price\":10000.00,\"amount\":100000.00,\"product_name\":\"产品\""),
                        text(DOCUMENTED ",\"order_number\":\"%s\",\"opportunity_id\":\"%s\",\"assigned_to\":\"%s\"", number, o,
                             sql(stack.order_db, "SELECT user_id FROM user_ref WHERE name = '管理员' LIMIT 1"))));
    expect_status(r, 200);
    assert_string_equal(keys_at(r, "data"), "order_id,order_number,created_time");
    expect_text(r, "data.order_number", number);
    expect(header(r, "Location") && strstr(header(r, "Location"), text_at(r, "data.order_id")), "no Location");
    struct reply *one = expect_status(GET(order_path(text_at(r, "data.order_id"), "")), 200);
    static const char *const facts[] = {
        "\"order_date\":\"2023-01-01\"", "\"total_amount\":100000.00", "\"tax_rate\":13.00", "\"tax_amount\":13000.00",
        "\"amount_with_tax\":113000.00", "\"shipping_address\":\"北京市朝阳区\"", "\"expected_delivery_date\":\"2023-01-10\"",
        "\"payment_terms\":\"月结30天\"", "\"payment_status\":\"未付款\"", "\"order_status\":\"已审批\"", "\"description\":\"备注信息\"",
        "\"quantity\":10,\"unit_price\":10000.00,\"amount\":100000.00}", "\"assigned_to_name\":\"管理员\"", "\"erp_sync_status\":\"待同步\"",
    };
    for (size_t i = 0; i < COUNT(facts); i++) expect(has_text(one, facts[i]), "no %s: %s", facts[i], one->body);
}

/* Round trips to PostgreSQL for creates so far. */
static int64_t trips(const struct replica *s)
{
    struct reply *r = expect_status(http_send(&(struct request){ .method = "GET", .url = text("%s/metrics", s->url) }), 200);
    const char *line = strstr(r->body, "http_request_database_trips_total{operation=\"createOrder\"} ");
    return line ? atoll(strchr(line, ' ')) : 0;
}

static void test_create_is_one_round_trip(void **state)
{
    (void)state;
    char *known = customer_with_credit(NULL), *other = customer_with_credit(NULL), *items = text("%s", "");
    for (int i = 0; i < 10; i++) items = text("%s%s%s", items, i ? "," : "", item(product("7.25"), "1.5", NULL));
    struct replica s = replica_start("order-service", "WORKERS=1", NULL);
    target(s.url);
    order(known, items, NULL); /* the name of who asks is known from now on */
    int64_t before = trips(&s);
    assert_true(before > 0);
    order(other, items, "\"order_status\":\"已提交\"");
    assert_int_equal(trips(&s), before + 1);
    assert_int_equal(replica_stop(&s), 0);
}

static void test_what_is_left_out_is_counted(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *p = product("3.33"), *q = product("0.05");
    char *items = text("%s,%s", item(p, "1.5", NULL), item(q, "0.1", "\"unit_price\":0.05"));
    struct reply *one = GET(order_path(order(c, items, NULL), ""));
    /* 4.995 and 0.005 are rounded half up, each by itself; so is 13 % of 5.01 */
    static const char *const facts[] = { "\"amount\":5.00}", "\"amount\":0.01}", "\"total_amount\":5.01", "\"tax_amount\":0.65",
                                         "\"amount_with_tax\":5.66", "\"order_status\":\"草稿\"" };
    for (size_t i = 0; i < COUNT(facts); i++) expect(has_text(one, facts[i]), "no %s: %s", facts[i], one->body);
    expect(!strncmp(text_at(one, "data.order_number"), "SO20", 4) && strlen(text_at(one, "data.order_number")) >= 10, "%s", one->body);
    assert_string_equal(text_at(one, "data.assigned_to"), text_at(one, "data.created_by"));
}

static void test_list_takes_every_documented_parameter(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *items = item(product("1"), "1", NULL);
    const char *number = unique("NR");
    order(c, items, text("\"order_number\":\"%s\",\"order_date\":\"2031-05-06\"", number));
    order(c, items, "\"order_date\":\"2031-05-08\",\"order_status\":\"已提交\"");
    order(c, items, "\"order_date\":\"2031-05-07\"");
    struct reply *all = expect_status(GET(text("/api/v1/orders?customer_id=%s", c)), 200);
    assert_string_equal(keys_at(all, "data"), "total,pages,current,size,records");
    static const char *const dates[] = { "2031-05-08", "2031-05-07", "2031-05-06" };
    for (size_t i = 0; i < COUNT(dates); i++) expect_text(all, text("data.records.%zu.order_date", i), dates[i]);
    const struct { const char *query; int total; } cases[] = {
        { text("order_number=%s", number), 1 },
        { text("keyword=%s", number), 1 },
        { text("customer_id=%s&keyword=%s", c, encoded("订货")), 3 },
        { text("customer_id=%s&order_status=%s", c, encoded("草稿")), 2 },
        { text("customer_id=%s&order_status=DRAFT&payment_status=UNPAID&erp_sync_status=WAITING", c), 2 },
        { text("customer_id=%s&start_date=2031-05-07&end_date=2031-05-08", c), 2 },
        { text("customer_id=%s&assigned_to=%s", c, text_at(all, "data.records.0.assigned_to")), 3 },
        { text("customer_id=%s&assigned_to=" UUID_ABSENT, c), 0 },
        { text("customer_id=%s&sort=total_amount&order=asc&page=2&size=2", c), 3 },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_number(expect_status(GET(text("/api/v1/orders?%s", cases[i].query)), 200), "data.total", cases[i].total);
    expect_error(GET("/api/v1/orders?sort=order_items"), 400, NULL, "sort");
}

static void test_draft_is_changed_and_the_rest_is_counted_anew(void **state)
{
    (void)state;
    char *p = product("2"), *id = order(customer_with_credit(NULL), item(p, "1", NULL), NULL), *path = order_path(id, "");
    expect_status(PATCH(path, text("{\"order_items\":[%s]}", item(p, "3", NULL))), 200);
    expect(has_text(GET(path), "\"total_amount\":6.00"), "%s", GET(path)->body);
    expect_status(PATCH(path, "{\"tax_rate\":0,\"order_date\":\"2023-02-01\"}"), 200);
    expect(has_text(GET(path), "\"amount_with_tax\":6.00"), "%s", GET(path)->body);
    expect_error(PATCH(path, "{\"total_amount\":5}"), 422, "RULE_VIOLATED", "total_amount");
    expect_error(PATCH(path, "{\"order_items\":[]}"), 400, "INVALID_FIELD", "order_items");
    expect_error(PATCH(path, "{\"expected_delivery_date\":\"2023-01-31\"}"), 422, "RULE_VIOLATED", "expected_delivery_date");
    expect_error(PATCH(path, "{\"order_status\":\"已完成\",\"payment_status\":\"已付款\"}"), 409, "STATE_CONFLICT",
                 "order_status,payment_status");
    /* A client may send back what it read, with a change. */
    struct reply *one = GET(path);
    char *whole = cJSON_PrintUnformatted(at(one, "data"));
    pool_keep(whole, cJSON_free);
    expect_status(PUT(path, whole), 200);
    assert_string_equal(text_at(GET(path), "data.order_number"), text_at(one, "data.order_number"));
}

static void test_submitted_order_does_not_change(void **state)
{
    (void)state;
    char *p = product("2"), *c = customer_with_credit(NULL), *id = order(c, item(p, "1", NULL), "\"order_status\":\"已提交\"");
    struct reply *r =
        PATCH(order_path(id, ""), text("{\"order_items\":[%s],\"tax_rate\":1,\"customer_id\":\"%s\",\"payment_terms\":\"别的\"}",
                                       item(p, "3", NULL), customer_with_credit(NULL)));
    expect_error(r, 409, "STATE_CONFLICT", "order_items,tax_rate,customer_id,payment_terms");
    expect_status(PATCH(order_path(id, ""), "{\"description\":\"可以\",\"shipping_address\":\"别处\"}"), 200);
    expect_error(DELETE(order_path(id, "")), 409, "STATE_CONFLICT", "order_status");
    expect_status(POST(order_path(id, "/cancel"), "{\"reason\":\"不要了\"}"), 200);
    expect_status(DELETE(order_path(id, "")), 200);
    expect_error(GET(order_path(id, "")), 404, "NOT_FOUND", "");
    expect_status(POST(order_path(id, "/restore"), NULL), 200);
    expect_order(id, "已取消");
}

/* An item says what was sold: product and price as of then. */
static void test_items_outlive_what_becomes_of_a_product(void **state)
{
    (void)state;
    char *p = product("2"), *id = order(customer_with_credit(NULL), item(p, "1", NULL), NULL);
    expect_status(PATCH(text("/api/v1/products/%s", p), "{\"unit_price\":9,\"product_name\":\"新名\",\"status\":\"停售\"}"), 200);
    expect_status(PATCH(order_path(id, ""), text("{\"order_items\":[%s]}", item(p, "2", NULL))), 200);
    struct reply *one = GET(order_path(id, ""));
    expect(has_text(one, "\"total_amount\":4.00") && has_text(one, "\"product_name\":\"产品\""), "%s", one->body);
    expect_error(POST("/api/v1/orders", order_body(customer_with_credit(NULL), item(p, "1", NULL), NULL)), 422, "RULE_VIOLATED",
                 "order_items[0].product_id");
}

static void test_numbers_are_given_once(void **state)
{
    (void)state;
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    char *body = order_body(customer_with_credit(NULL), item(product("1"), "1", NULL), NULL);
    /* the next ones of the sequence are taken already */
    long next = sql_count(stack.order_db, "SELECT nextval('order_numbers')");
    for (long n = next + 1; n < next + 4; n++)
        order(customer_with_credit(NULL), item(product("1"), "1", NULL),
              text("\"order_date\":\"2033-01-01\",\"order_number\":\"SO2033%04ld\"", n + 3));
    for (int i = 0; i < RACERS; i++)
        requests[i] = (struct request){ .method = "POST", .url = text("%s/api/v1/orders", stack.order_url), .token = stack.admin_token,
                                        .body = text("{\"order_date\":\"2033-01-01\",%s", body + 1) };
    race(requests, replies);
    for (int i = 0; i < RACERS; i++) expect_status(replies[i], 200);
    assert_int_equal(sql_count(stack.order_db, "SELECT count(*) - count(DISTINCT order_number) FROM orders"), 0);
}

static void test_internal_methods(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *p = product("5");
    struct reply *made = POST("/internal/v1/createOrder", text("{\"orderDTO\":%s}", order_body(c, item(p, "2", NULL), NULL)));
    const char *id = text_at(expect_status(made, 200), "data.order_id");
    struct reply *got = expect_status(POST("/internal/v1/getOrderById", text("{\"orderId\":\"%s\"}", id)), 200);
    assert_string_equal(keys_at(got, "data"), keys_at(GET(order_path(id, "")), "data"));
    struct reply *moved = POST("/internal/v1/updateOrderStatus", text("{\"orderId\":\"%s\",\"status\":\"已提交\"}", id));
    expect_text(expect_status(moved, 200), "data.order_status", "已审批");
    expect_error(POST("/internal/v1/updateOrderStatus", text("{\"orderId\":\"%s\",\"status\":\"已完成\"}", id)), 409, "STATE_CONFLICT",
                 "order_status");
}

/* Where an order goes is for its owner and who holds order:unmask, and nowhere to be read in the database. */
static void test_shipping_address_is_sealed_and_masked(void **state)
{
    (void)state;
    char *id = order(customer_with_credit(NULL), item(product("1"), "1", NULL), "\"shipping_address\":\"北京市朝阳区建国路1号\"");
    expect_text(GET(order_path(id, "")), "data.shipping_address", "北京市朝阳区建国路1号");
    as(user_with_role("AUDITOR"));
    struct reply *masked = GET(order_path(id, ""));
    expect(!has_text(masked, "建国路") && has_text(masked, "北京市"), "%s", masked->body);
    assert_int_equal(sql_count(stack.order_db,
                               "SELECT count(*) FROM outbox o WHERE position('建国路' in o::text) > 0 OR o.after ? 'shipping_address'"),
                     0);
    assert_int_equal(sql_count(stack.order_db, "SELECT count(*) FROM orders o WHERE order_id = '%s' AND position('e5bbbae59bbde8b7af' in "
                                               "shipping_address::text) = 0 AND length(shipping_address) > 40", id), 1);
    as(stack.admin_token);
    expect_status(PATCH(order_path(id, ""), text("{\"shipping_address\":\"%s\"}", text_at(masked, "data.shipping_address"))), 200);
    expect_text(GET(order_path(id, "")), "data.shipping_address", "北京市朝阳区建国路1号");
}

/* Whoever reaches no record of others reaches none of theirs here, and may refer to none. */
static void test_scopes_hold(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *p = product("5"), *id = order(c, item(p, "2", NULL), NULL);
    as(user_with_role("SALES_REP"));
    expect_error(GET(order_path(id, "")), 404, "NOT_FOUND", "");
    expect_error(POST(order_path(id, "/submit"), NULL), 404, "NOT_FOUND", "");
    expect_number(expect_status(GET(text("/api/v1/orders?customer_id=%s", c)), 200), "data.total", 0);
    expect_error(POST("/api/v1/orders", order_body(c, item(p, "1", NULL), NULL)), 422, "BAD_REFERENCE", "customer_id");
    char *own = customer_with_credit(NULL);
    order(own, item(p, "1", NULL), NULL);
    expect_number(expect_status(GET("/api/v1/orders"), 200), "data.total", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_create_as_documented, to_orders),
        cmocka_unit_test_setup(test_create_is_one_round_trip, to_orders),
        cmocka_unit_test_setup(test_what_is_left_out_is_counted, to_orders),
        cmocka_unit_test_setup(test_list_takes_every_documented_parameter, to_orders),
        cmocka_unit_test_setup(test_draft_is_changed_and_the_rest_is_counted_anew, to_orders),
        cmocka_unit_test_setup(test_submitted_order_does_not_change, to_orders),
        cmocka_unit_test_setup(test_items_outlive_what_becomes_of_a_product, to_orders),
        cmocka_unit_test_setup(test_numbers_are_given_once, to_orders),
        cmocka_unit_test_setup(test_internal_methods, to_orders),
        cmocka_unit_test_setup(test_shipping_address_is_sealed_and_masked, to_orders),
        cmocka_unit_test_setup(test_scopes_hold, to_orders),
    };
    return system_main("orders", tests, COUNT(tests));
}
