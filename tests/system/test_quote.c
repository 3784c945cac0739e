/* Quotes: versions, validity, and the order that comes of one - or of a won opportunity. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"
#include "trade.h"

#include <string.h>

static struct reply *step(const char *id, const char *what) { return POST(quote_path(id, text("/%s", what)), NULL); }

static char *quote_of(const char *customer, const char *price)
{
    return quote(customer, item(product("9999"), "2", text("\"unit_price\":%s", price)), NULL);
}

static void test_quote_is_counted_and_found(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *id = quote_of(c, "10");
    struct reply *one = expect_status(GET(quote_path(id, "")), 200);
    static const char *const facts[] = { "\"quote_version\":1",
                                         "\"total_amount\":20.00",
                                         "\"tax_amount\":2.60",
                                         "\"quote_status\":\"草稿\"",
                                         "\"is_expired\":false",
                                         "\"order_id\":null",
                                         "\"quantity\":2,\"unit_price\":10.00,\"amount\":20.00}" };
    for (size_t i = 0; i < COUNT(facts); i++) expect(has_text(one, facts[i]), "no %s: %s", facts[i], one->body);
    expect(!strncmp(text_at(one, "data.quote_number"), "QT20", 4), "%s", one->body);
    const char *const queries[] = { text("customer_id=%s", c), text("quote_number=%s", text_at(one, "data.quote_number")),
                                    text("customer_id=%s&keyword=%s&quote_status=DRAFT", c, encoded("订货")) };
    for (size_t i = 0; i < COUNT(queries); i++)
        expect_number(expect_status(GET(text("/api/v1/quotes?%s", queries[i])), 200), "data.total", 1);
    expect_error(
        POST("/api/v1/quotes", text("{\"customer_id\":\"%s\",\"quote_items\":[%s],\"total_amount\":1,\"quote_date\":\"2023-01-02\","
                                    "\"valid_until\":\"2023-01-01\"}",
                                    c, item(product("5"), "1", NULL))),
        422, "RULE_VIOLATED", "total_amount,valid_until");
    expect_error(POST("/api/v1/quotes", "{\"quote_status\":\"已接受\",\"quote_version\":2}"), 400, NULL,
                 "quote_status,quote_version,customer_id,quote_items");
}

static void test_revising_keeps_what_was_sent(void **state)
{
    (void)state;
    char *p = product("9"), *id = quote(customer_with_credit(NULL), item(p, "1", NULL), NULL);
    expect_error(step(id, "revise"), 409, "STATE_CONFLICT", "quote_status");
    expect_error(step(id, "accept"), 409, "STATE_CONFLICT", "quote_status");
    expect_status(step(id, "send"), 200);
    expect_error(PATCH(quote_path(id, ""), text("{\"quote_items\":[%s]}", item(p, "2", NULL))), 409, "STATE_CONFLICT", "quote_items");
    expect_status(PATCH(quote_path(id, ""), "{\"description\":\"可以\"}"), 200);
    expect_number(expect_status(step(id, "revise"), 200), "data.quote_version", 2);
    expect_status(PATCH(quote_path(id, ""), text("{\"quote_items\":[%s]}", item(p, "2", NULL))), 200);
    expect_status(step(id, "send"), 200);
    expect_status(step(id, "decline"), 200);
    expect_number(expect_status(step(id, "revise"), 200), "data.quote_version", 3);
    struct reply *list = expect_status(GET(quote_path(id, "/versions")), 200);
    expect_number(list, "data.total", 2);
    expect(has_text(list, "\"quote_version\":1,") && has_text(list, "\"total_amount\":9.00") &&
               has_text(list, "\"total_amount\":18.00"),
           "%s", list->body);
    expect_text(list, "data.records.0.quote_status", "已拒绝");
}

static void test_quote_that_is_over_is_not_accepted(void **state)
{
    (void)state;
    char *p = product("9"), *c = customer_with_credit(NULL);
    char *id = quote(c, item(p, "1", NULL), "\"quote_date\":\"2023-01-01\",\"valid_until\":\"2023-01-31\"");
    expect(has_text(GET(quote_path(id, "")), "\"is_expired\":true"), "it is not over");
    expect_error(step(id, "send"), 409, "STATE_CONFLICT", "valid_until");
    sql(stack.order_db, "UPDATE quotes SET quote_status = '已发出', moves = moves + 1 WHERE quote_id = '%s'", id);
    static const char *const steps[] = { "accept", "to-order" };
    for (size_t i = 0; i < COUNT(steps); i++) expect_error(step(id, steps[i]), 409, "STATE_CONFLICT", "valid_until");
    expect_status(step(id, "revise"), 200);
    expect_status(PATCH(quote_path(id, ""), "{\"valid_until\":\"2999-01-01\"}"), 200);
    expect_status(step(id, "send"), 200);
}

/* One order, whoever asks how often; each names the other; what was quoted is what is ordered, whatever became of the product. */
static void test_quote_becomes_one_order(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *p = product("9999");
    char *id = quote(c, item(p, "2", "\"unit_price\":10"), "\"payment_terms\":\"月结30天\",\"tax_rate\":6");
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    expect_status(step(id, "send"), 200);
    expect_status(PATCH(text("/api/v1/products/%s", p), "{\"product_name\":\"改名\",\"unit_price\":1,\"status\":\"停售\"}"), 200);
    for (int i = 0; i < RACERS; i++)
        requests[i] = (struct request){ .method = "POST",
                                        .url = text("%s%s", stack.order_url, quote_path(id, "/to-order")),
                                        .token = stack.admin_token };
    race(requests, replies);
    const char *order_id = text_at(expect_status(replies[0], 200), "data.order_id");
    for (int i = 1; i < RACERS; i++) expect_text(expect_status(replies[i], 200), "data.order_id", order_id);
    assert_int_equal(sql_count(stack.order_db, "SELECT count(*) FROM orders WHERE quote_id = '%s'", id), 1);
    struct reply *made = expect_status(GET(order_path(order_id, "")), 200);
    expect_text(made, "data.quote_id", id);
    expect_text(made, "data.order_status", "草稿");
    expect(has_text(made, "\"total_amount\":20.00,\"tax_rate\":6.00") && has_text(made, "\"payment_terms\":\"月结30天\"") &&
               has_text(made, "\"product_name\":\"产品\""),
           "%s", made->body);
    expect_error(POST("/api/v1/orders", text("{\"quote_id\":\"%s\"}", id)), 409, "STATE_CONFLICT", "quote_status");
    expect_error(DELETE(quote_path(id, "")), 409, "STATE_CONFLICT", "order_id");
    expect_error(step(id, "revise"), 409, "STATE_CONFLICT", "quote_status");
}

static void test_order_that_names_a_quote_is_what_becomes_of_it(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *id = quote_of(c, "10");
    expect_error(POST("/api/v1/orders", text("{\"quote_id\":\"%s\"}", id)), 409, "STATE_CONFLICT", "quote_status");
    expect_status(step(id, "send"), 200);
    expect_status(step(id, "accept"), 200);
    const char *order_id = text_at(expect_status(POST("/api/v1/orders", text("{\"quote_id\":\"%s\"}", id)), 200), "data.order_id");
    struct reply *after = GET(quote_path(id, ""));
    expect_text(after, "data.order_id", order_id);
    expect_text(after, "data.quote_status", "已转订单");
    expect_text(GET(order_path(order_id, "")), "data.customer_id", c);
    expect_error(PATCH(order_path(order_id, ""), "{\"quote_id\":null}"), 409, "STATE_CONFLICT", "quote_id");
}

/* --- a won opportunity -------------------------------------------------------------------------------------------------------- */

static bool is_won(void *id)
{
    return sql_count(stack.order_db, "SELECT count(*) FROM opportunity_ref WHERE opportunity_id = '%s' AND status = '赢单'", (char *)id) == 1;
}

static void win(char *id)
{
    target(stack.opportunity_url);
    expect_status(POST(opportunity_path(id, "/close"), "{\"result\":\"赢单\",\"reason\":\"签约\"}"), 200);
    target(stack.order_url);
    expect(poll_until(20, is_won, id), "order-service does not come to know that it is won");
}

static void test_won_opportunity_becomes_an_order(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *id = opportunity_known(c), *path = text("/api/v1/opportunities/%s/to-order", id),
         *p = product("3");
    expect_error(POST(path, "{}"), 409, "STATE_CONFLICT", "opportunity_id");
    win(id);
    expect_error(POST(path, "{}"), 422, "RULE_VIOLATED", "order_items");
    char *quoted = quote(c, item(p, "4", NULL), text("\"opportunity_id\":\"%s\"", id));
    expect_status(step(quoted, "send"), 200);
    expect_status(step(quoted, "accept"), 200);
    struct reply *one = GET(order_path(text_at(expect_status(POST(path, "{}"), 200), "data.order_id"), ""));
    expect_text(one, "data.customer_id", c);
    expect_text(one, "data.opportunity_id", id);
    expect_text(one, "data.quote_id", quoted);
    expect(has_text(one, "\"total_amount\":12.00"), "%s", one->body);
    one = GET(order_path(text_at(expect_status(POST(path, text("{\"order_items\":[%s]}", item(p, "1", NULL))), 200), "data.order_id"), ""));
    expect(has_text(one, "\"total_amount\":3.00") && is_null_at(one, "data.quote_id"), "%s", one->body);
    expect_error(POST("/api/v1/opportunities/x/to-order", "{}"), 400, "INVALID_FIELD", "opportunity_id");
    expect_error(POST("/api/v1/opportunities/" UUID_ABSENT "/to-order", "{}"), 422, "BAD_REFERENCE", "opportunity_id");
    as(user_with_role("SALES_REP"));
    expect_error(POST(path, "{}"), 422, "BAD_REFERENCE", "opportunity_id");
}

/* A rename of a customer reaches what a keyword finds, and changes no version. */
static bool is_found(void *name)
{
    return at(GET(text("/api/v1/quotes?keyword=%s", encoded(name))), "data.records.0") != NULL;
}

static void test_renamed_customer_is_found(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *id = quote_of(c, "1"), *name = text("%s", unique("改名"));
    target(stack.customer_url);
    expect_status(PATCH(customer_path(c), text("{\"customer_name\":\"%s\"}", name)), 200);
    target(stack.order_url);
    expect(poll_until(20, is_found, name), "not found by %s", name);
    expect_number(GET(quote_path(id, "")), "data.version", 1);
    expect_text(GET(quote_path(id, "")), "data.customer_name", name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_quote_is_counted_and_found, to_orders),
        cmocka_unit_test_setup(test_revising_keeps_what_was_sent, to_orders),
        cmocka_unit_test_setup(test_quote_that_is_over_is_not_accepted, to_orders),
        cmocka_unit_test_setup(test_quote_becomes_one_order, to_orders),
        cmocka_unit_test_setup(test_order_that_names_a_quote_is_what_becomes_of_it, to_orders),
        cmocka_unit_test_setup(test_won_opportunity_becomes_an_order, to_orders),
        cmocka_unit_test_setup(test_renamed_customer_is_found, to_orders),
    };
    return system_main("quotes", tests, COUNT(tests));
}
