/* How an order moves: one table of transitions, an approval above an amount, a history, events by name; and what is paid. */
#include "crm.h"
#include "expect.h"
#include "feed.h"
#include "pool.h"
#include "race.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"
#include "trade.h"

#include <string.h>

static char *order_of(const char *price)
{
    return order(customer_with_credit(NULL), item(product(price), "1", NULL), NULL);
}

static char *order_at(const char *status)
{
    char *id = order_of("10");
    sql(stack.order_db, "UPDATE orders SET order_status = '%s', moves = moves + 1 WHERE order_id = '%s'", status, id);
    return id;
}

static struct reply *move(const char *id, const char *status)
{
    return POST(order_path(id, "/status"), text("{\"order_status\":\"%s\",\"reason\":\"因\"}", status));
}

/* Every status to every other: those of the table and no more, as /transitions has said before. */
static void test_every_move_is_made_or_refused(void **state)
{
    (void)state;
    static const char *const all[] = { "草稿", "已提交", "审批中", "已审批", "已驳回", "处理中", "部分发货", "已发货", "已完成", "已取消", "退货中", "已作废" };
    static const struct { const char *action, *leads_to; } others[] = { { "approve", "已审批" }, { "reject", "已驳回" }, { "cancel", "已取消" },
                                                                        { "submit", "已提交" } };
    int made = 0;
    for (size_t from = 0; from < COUNT(all); from++) {
        for (size_t to = 0; to < COUNT(all); to++) {
            char *id = order_at(all[from]);
            long is_there = sql_count(stack.order_db,
                                      "SELECT count(*) FROM order_transitions WHERE from_status = '%s' AND to_status = '%s' AND "
                                      "action IN ('submit', 'cancel', 'status')",
                                      all[from], all[to]);
            struct reply *r = move(id, all[to]);
            expect(r->status == (is_there ? 200 : 409), "%s -> %s: %ld", all[from], all[to], r->status);
            made += r->status == 200;
        }
        for (size_t i = 0; i < COUNT(others); i++) {
            char *id = order_at(all[from]);
            bool is_there = has_text(expect_status(GET(order_path(id, "/transitions")), 200), text("\"action\":\"%s\"", others[i].action));
            struct reply *r =
                POST(order_path(id, text("/%s", others[i].action)), strcmp(others[i].action, "submit") ? "{\"reason\":\"因\"}" : NULL);
            expect(r->status == (is_there ? 200 : 409), "%s %s: %ld", all[from], others[i].action, r->status);
            made += r->status == 200;
        }
    }
    /* cancelling and submitting can be done in two ways */
    assert_int_equal(
        made,
        sql_count(stack.order_db, "SELECT count(*) + count(*) FILTER (WHERE action IN ('submit', 'cancel')) FROM order_transitions"));
}

static void test_some_moves_need_a_reason(void **state)
{
    (void)state;
    char *id = order_at("已发货");
    expect_error(POST(order_path(id, "/status"), "{\"order_status\":\"退货中\"}"), 422, "RULE_VIOLATED", "reason");
    expect_error(POST(order_path(id, "/status"), "{\"order_status\":\"退货中\",\"reason\":\" \"}"), 422, "RULE_VIOLATED", "reason");
    expect_error(POST(order_path(id, "/status"), "{}"), 400, "INVALID_FIELD", "order_status");
    expect_error(POST(order_path(id, "/status"), "{\"order_status\":\"飞走\"}"), 400, "INVALID_FIELD", "order_status");
    expect_order(id, "已发货");
    struct reply *r = move(id, "草稿");
    expect_error(r, 409, "STATE_CONFLICT", "order_status");
    assert_string_equal(cJSON_GetObjectItem(detail_of(r, "order_status"), "allowed")->valuestring, "已完成, 退货中");
}

/* Up to the amount an order is approved at once; above it, by who may. */
static void test_big_orders_wait_for_an_approval(void **state)
{
    (void)state;
    struct replica strict = replica_start("order-service", "ORDER_APPROVAL_AMOUNT=500", NULL);
    char *small = order_of("500"), *big = order_of("500.01"), *bad = order_of("501");
    char *ids[] = { small, big, bad };
    target(strict.url);
    for (size_t i = 0; i < COUNT(ids); i++) expect_status(POST(order_path(ids[i], "/submit"), NULL), 200);
    expect_order(small, "已审批");
    expect_order(big, "审批中");
    struct reply *made =
        POST("/api/v1/orders", order_body(customer_with_credit(NULL), item(product("501"), "1", NULL), "\"order_status\":\"已提交\""));
    expect_order(text_at(expect_status(made, 200), "data.order_id"), "审批中");
    as(user_with_role("API_CLIENT"));
    expect_error(POST(order_path(big, "/approve"), "{}"), 403, "FORBIDDEN", "permission");
    as(user_with_role("FINANCE"));
    expect_status(POST(order_path(big, "/approve"), "{}"), 200);
    expect_error(POST(order_path(big, "/approve"), "{}"), 409, "STATE_CONFLICT", "order_status");
    expect_error(POST(order_path(bad, "/reject"), "{}"), 422, "RULE_VIOLATED", "reason");
    expect_status(POST(order_path(bad, "/reject"), "{\"reason\":\"太贵\"}"), 200);
    as(stack.admin_token);
    expect_order(bad, "已驳回");
    expect_status(PATCH(order_path(bad, ""), "{\"shipping_address\":\"改\"}"), 200);
    struct reply *history = expect_status(GET(order_path(big, "/history")), 200);
    static const char *const steps[] = { "草稿", "已提交", "审批中", "已审批" };
    expect_number(history, "data.total", COUNT(steps));
    for (size_t i = 0; i < COUNT(steps); i++) {
        expect_text(history, text("data.records.%zu.to_status", i), steps[i]);
        if (i) expect_text(history, text("data.records.%zu.from_status", i), steps[i - 1]);
    }
    expect_text(GET(order_path(bad, "/history")), "data.records.3.reason", "太贵");
}

static void test_events_are_named_by_what_happened(void **state)
{
    (void)state;
    char *id = order_of("10");
    expect_status(PATCH(order_path(id, ""), "{\"description\":\"x\"}"), 200);
    expect_status(POST(order_path(id, "/submit"), NULL), 200);
    expect_status(move(id, "处理中"), 200);
    expect_status(POST(order_path(id, "/cancel"), "{\"reason\":\"因\"}"), 200);
    assert_string_equal(sql(stack.order_db, "SELECT string_agg(type, ',' ORDER BY event_id) FROM outbox WHERE aggregate_id = '%s'", id),
                        "order.created,order.updated,order.approved,order.processing,order.cancelled");
    as(client_token("CUSTOMER_SERVICE", "order-service"));
    char *turn = sql(stack.order_db, "SELECT min(turn)::text::bigint - 1 FROM outbox WHERE aggregate_id = '%s'", id);
    struct reply *r = expect_status(GET(text("/internal/v1/events?wait=5&aggregate=order&limit=500&after=events.%s.0", turn)), 200);
    expect(has_text(r, "\"type\" : \"order.approved\"") || has_text(r, "\"type\":\"order.approved\""), "%.500s", r->body);
    expect(has_text(r, "order_items") && !has_text(r, "customer_text"), "%.500s", r->body);
}

/* --- what is paid --------------------------------------------------------------------------------------------------------- */

static void expect_paid(const char *id, const char *status, const char *amount)
{
    struct reply *r = GET(order_path(id, ""));
    expect_text(r, "data.payment_status", status);
    expect(has_text(r, text("\"paid_amount\":%s,", amount)), "%s", r->body);
}

static struct reply *pay(const char *id, const char *amount, const char *more)
{
    return POST(order_path(id, "/payments"), text("{\"amount\":%s%s%s}", amount, more ? "," : "", more ? more : ""));
}

static void test_payments_make_the_payment_status(void **state)
{
    (void)state;
    char *id = order_of("100"); /* 113.00 with tax */
    expect_error(pay(id, "1", NULL), 409, "STATE_CONFLICT", "order_status");
    expect_status(POST(order_path(id, "/submit"), NULL), 200);
    expect_status(pay(id, "13.01", "\"paid_date\":\"2023-01-15\",\"method\":\"银行转账\",\"note\":\"首付\""), 200);
    expect_paid(id, "部分付款", "13.01");
    struct reply *over = pay(id, "100", NULL);
    expect_error(over, 422, "RULE_VIOLATED", "amount");
    assert_string_equal(cJSON_GetObjectItem(detail_of(over, "amount"), "allowed")->valuestring, "99.99");
    expect_status(pay(id, "99.99", NULL), 200);
    expect_paid(id, "已付款", "113.00");
    expect_error(pay(id, "113.01", "\"kind\":\"退款\""), 422, "RULE_VIOLATED", "amount");
    expect_status(pay(id, "50", "\"kind\":\"REFUND\""), 200);
    expect_paid(id, "部分付款", "63.00");
    expect_status(POST(order_path(id, "/cancel"), "{\"reason\":\"因\"}"), 200);
    expect_error(pay(id, "1", NULL), 409, "STATE_CONFLICT", "order_status");
    expect_status(pay(id, "63", "\"kind\":\"退款\""), 200);
    expect_paid(id, "已退款", "0.00");
    struct reply *list = expect_status(GET(order_path(id, "/payments")), 200);
    expect_number(list, "data.total", 4);
    expect(has_text(list, "\"kind\":\"收款\",\"amount\":13.01,\"paid_date\":\"2023-01-15\",\"method\":\"银行转账\",\"note\":\"首付\""),
           "%s", list->body);
    static const char *const bad[] = { "0", "-1", "1.001", "1e1" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct reply *r = pay(id, bad[i], "\"kind\":\"退款\"");
        expect(r->status == 400 || r->status == 422, "%s: %ld", bad[i], r->status);
    }
}

static void test_together_no_more_is_paid_than_owed(void **state)
{
    (void)state;
    char *id = order_of("100");
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    expect_status(POST(order_path(id, "/submit"), NULL), 200);
    for (int i = 0; i < RACERS; i++)
        requests[i] = (struct request){ .method = "POST", .url = text("%s%s", stack.order_url, order_path(id, "/payments")),
                                        .token = stack.admin_token, .body = "{\"amount\":20}" };
    race(requests, replies);
    int paid = 0;
    for (int i = 0; i < RACERS; i++) paid += replies[i]->status == 200;
    assert_int_equal(paid, 5);
    expect_paid(id, "部分付款", "100.00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_move_is_made_or_refused, to_orders),
        cmocka_unit_test_setup(test_some_moves_need_a_reason, to_orders),
        cmocka_unit_test_setup(test_big_orders_wait_for_an_approval, to_orders),
        cmocka_unit_test_setup(test_events_are_named_by_what_happened, to_orders),
        cmocka_unit_test_setup(test_payments_make_the_payment_status, to_orders),
        cmocka_unit_test_setup(test_together_no_more_is_paid_than_owed, to_orders),
    };
    return system_main("order moves", tests, COUNT(tests));
}
