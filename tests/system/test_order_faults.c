/* Parts that die while orders are made: no acknowledged order is lost, none is there by halves or twice, and credit is what orders say. And
 * sums of a great many random orders, beside whole numbers that are added up in another way. */
#include "crm.h"
#include "expect.h"
#include "load.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"
#include "trade.h"

#include <signal.h>
#include <stdlib.h>

enum { CLIENTS = 6 };

static struct load *orders_load(void)
{
    char *c = customer_with_credit("9000000000000"), *p = product("10.01"), *q = product("3.33");
    char *more =
        text("\"order_status\":\"已提交\",\"customer_id\":\"%s\",\"order_items\":[%s,%s]", c, item(p, "3", NULL), item(q, "1.5", NULL));
    return load_start_of(stack.order_url, CLIENTS, (struct what){ "/api/v1/orders", "order_number", more });
}

static bool list_is_200(void *arg)
{
    (void)arg;
    return http_send(&(struct request){ .method = "GET",
                                        .url = text("%s/api/v1/orders?size=1", stack.order_url),
                                        .token = stack.admin_token,
                                        .fresh = true })
               ->status == 200;
}

static void expect_whole(struct load *l)
{
    load_stop(l);
    sql_forget();
    expect(poll_until(20, list_is_200, NULL), "the service did not come back");
    for (int i = 0; i < load_count(l); i++) {
        const struct attempt *a = load_attempt(l, i);
        long rows = sql_count(stack.order_db, "SELECT count(*) FROM orders WHERE order_number = '%s'", a->name);
        expect(a->status == 200 ? rows == 1 : rows <= 1, "%s was answered with %ld, rows: %ld", a->name, a->status, rows);
    }
    assert_int_equal(
        sql_count(stack.order_db,
                  "SELECT count(*) FROM orders o WHERE coalesce(json_array_length(o.order_items), 0) = 0 OR o.total_amount <> "
                  "(SELECT sum((i.value ->> 'amount')::numeric) FROM json_array_elements(o.order_items) i)"),
        0);
    assert_int_equal(sql_count(stack.order_db, "SELECT count(*) FROM orders o WHERE o.moves + 1 <> (SELECT count(*) FROM order_history h "
                                               "WHERE h.order_id = o.order_id) - CASE o.order_status WHEN '草稿' THEN 0 ELSE 1 END"), 0);
    assert_int_equal(sql_count(stack.order_db, "SELECT count(*) - count(DISTINCT order_number) FROM orders"), 0);
    expect_credit_agrees();
}

static void test_postgres_killed_while_orders_are_made(void **state)
{
    (void)state;
    own_stack_only();
    struct load *l = orders_load();
    expect(load_goes_on(l, 200, 50, 10), "no load");
    pid_t old = part_pid("PG");
    part_signal("PG", SIGKILL);
    expect(part_is_new("PG", old, 20), "PostgreSQL was not started again");
    expect(load_goes_on(l, 200, 50, 20), "the service did not come back by itself");
    expect_whole(l);
}

static void test_service_killed_while_orders_are_made(void **state)
{
    (void)state;
    own_stack_only();
    struct load *l = orders_load();
    for (int i = 0; i < 3; i++) {
        expect(load_goes_on(l, 200, 30, 20), "no load");
        pid_t old = part_pid("ORDER_SERVICE");
        part_signal("ORDER_SERVICE", SIGKILL);
        expect(part_is_new("ORDER_SERVICE", old, 20), "it was not started again");
    }
    expect(load_goes_on(l, 200, 30, 20), "the service did not come back");
    expect_whole(l);
}

/* Thousandths times fen, fen times hundredths of a percent: whole numbers, halves rounded up by adding a half before the division. */
static void test_sums_of_random_orders_are_exact(void **state)
{
    (void)state;
    const char *count = getenv("RANDOM_ORDERS") ? getenv("RANDOM_ORDERS") : "20000";
    char *c = customer_with_credit(NULL);
    for (int i = 0; i < 5; i++) product("1.00");
    char *wrong = sql(
        stack.order_db,
        "WITH chosen AS MATERIALIZED (SELECT product_id, row_number() OVER () AS n FROM (SELECT product_id FROM products ORDER BY "
        "created_time DESC LIMIT 5) p), "
        "orders AS (SELECT g, (random() * 10000)::bigint AS rate, i.list, i.fen FROM generate_series(1, %s) g CROSS JOIN LATERAL "
        "(SELECT "
        "json_agg(json_build_object('product_id', r.product_id, 'quantity', r.thousandths::numeric / 1000, 'unit_price', "
        "r.fen::numeric / 100)) AS list, "
        "sum((r.thousandths * r.fen + 500) / 1000) AS fen FROM (SELECT s.product_id, 1 + (random() * 10 ^ (1 + s.n)) ::bigint AS "
        "thousandths, "
        "(random() * 10 ^ (g %% 8))::bigint AS fen FROM chosen s WHERE s.n <= 1 + g %% 5) r) i) "
        "SELECT count(*) FILTER (WHERE s.total * 100 <> o.fen OR s.tax * 100 <> div(o.fen * o.rate + 5000, 10000) OR s.faults <> '{}' "
        "OR s.with_tax <> s.total + s.tax) || ' of ' || count(*) FROM orders o CROSS JOIN LATERAL "
        "sale_counted('order_items', o.list, NULL, '%s', NULL, NULL, o.rate::numeric / 100, NULL, NULL) s",
        count, c);
    assert_string_equal(wrong, text("0 of %s", count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_postgres_killed_while_orders_are_made, to_orders),
        cmocka_unit_test_setup(test_service_killed_while_orders_are_made, to_orders),
        cmocka_unit_test_setup(test_sums_of_random_orders_are_exact, to_orders),
    };
    return system_main("order faults", tests, COUNT(tests));
}
