#include "trade.h"

#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"

#include <stdlib.h>

int to_orders(void **state)
{
    (void)state;
    target(stack.order_url);
    return 0;
}

static bool is_true(void *query)
{
    return sql_count(stack.order_db, "%s", (const char *)query) == 1;
}

static void wait_until_known(const char *query)
{
    expect(poll_until(20, is_true, (void *)query), "order-service does not come to know: %s", query);
}

char *customer_with_credit(const char *limit)
{
    const char *before = current_target();
    target(stack.customer_url);
    char *id = customer(unique("订货客户"), limit ? text("\"credit_limit\":%s", limit) : NULL);
    target(before);
    wait_until_known(text("SELECT count(*) FROM customer_ref WHERE customer_id = '%s' AND credit_known", id));
    return id;
}

char *product(const char *price)
{
    const char *before = current_target(), *who = current_token();
    target(stack.order_url);
    as(stack.admin_token);
    struct reply *r =
        POST("/api/v1/products", text("{\"product_code\":\"%s\",\"product_name\":\"产品\",\"unit_price\":%s}", unique("P"), price));
    target(before);
    as(who);
    return text("%s", text_at(expect_status(r, 200), "data.product_id"));
}

char *opportunity_known(const char *customer_id)
{
    const char *before = current_target();
    target(stack.opportunity_url);
    char *id = opportunity(unique("机会"), customer_id, "\"estimated_amount\":1");
    target(before);
    wait_until_known(text("SELECT count(*) FROM opportunity_ref WHERE opportunity_id = '%s'", id));
    return id;
}

char *item(const char *product_id, const char *quantity, const char *more)
{
    return text("{\"product_id\":\"%s\",\"quantity\":%s%s%s}", product_id, quantity, more ? "," : "", more ? more : "");
}

static char *body_of(const char *field, const char *customer_id, const char *items, const char *more)
{
    return text("{\"customer_id\":\"%s\",\"%s\":[%s]%s%s}", customer_id, field, items, more ? "," : "", more ? more : "");
}

char *order_body(const char *customer_id, const char *items, const char *more)
{
    return body_of("order_items", customer_id, items, more);
}

char *order(const char *customer_id, const char *items, const char *more)
{
    struct reply *r = POST("/api/v1/orders", order_body(customer_id, items, more));
    return text("%s", text_at(expect_status(r, 200), "data.order_id"));
}

char *quote(const char *customer_id, const char *items, const char *more)
{
    struct reply *r = POST("/api/v1/quotes", body_of("quote_items", customer_id, items, more));
    return text("%s", text_at(expect_status(r, 200), "data.quote_id"));
}

char *order_path(const char *id, const char *more)
{
    return text("/api/v1/orders/%s%s", id, more);
}

char *quote_path(const char *id, const char *more)
{
    return text("/api/v1/quotes/%s%s", id, more);
}

void expect_order(const char *id, const char *status)
{
    expect_text(expect_status(GET(order_path(id, "")), 200), "data.order_status", status);
}

void expect_credit_agrees(void)
{
    const char *command = text("DATABASE_URL='%s' '%s/order-service' verify-credit >/dev/null", stack.order_db, getenv("BIN_DIR"));
    assert_int_equal(system(command), 0);
}
