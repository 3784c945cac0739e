/* Records found by the name of their customer, which is kept in one place: common/schema/keyword.h. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"
#include "trade.h"

#include <string.h>

enum { MANY = 1200 };

static int found_by(const char *list, const char *keyword)
{
    return number_at(expect_status(GET(text("/api/v1/%s?keyword=%s", list, encoded(keyword))), 200), "data.total");
}

static void rename_customer(const char *customer_id, const char *name, const char *pinyin)
{
    sql(stack.order_db, "UPDATE customer_ref SET customer_name = '%s', pinyin = '%s' WHERE customer_id = '%s'", name, pinyin, customer_id);
}

static void test_keyword_finds_number_name_and_pinyin(void **state)
{
    (void)state;
    const char *mark = unique("k"), *lists[] = { "orders", "quotes" };
    char *c = customer_with_credit(NULL), *p = product("1"), *items = item(p, "1", NULL);
    rename_customer(c, text("华瑞·%s", mark), text("huarui%s", mark));
    order(c, items, text("\"order_number\":\"%s\"", unique("NO")));
    quote(c, items, NULL);
    order(customer_with_credit(NULL), items, NULL);
    for (size_t i = 0; i < COUNT(lists); i++) {
        const char *number = text_at(GET(text("/api/v1/%s?customer_id=%s", lists[i], c)), text("data.records.0.%.5s_number", lists[i]));
        assert_int_equal(found_by(lists[i], number), 1);
        assert_int_equal(found_by(lists[i], text("瑞·%s", mark)), 1);
        assert_int_equal(found_by(lists[i], text("HUARUI%s", mark)), 1);
        assert_int_equal(found_by(lists[i], "·"), 1); /* no index has it */
        assert_int_equal(found_by(lists[i], text("无%s", mark)), 0);
    }
    rename_customer(c, unique("点"), "");
}

/* Whatever a rename costs, it costs nothing of the orders. */
static void test_rename_changes_no_order(void **state)
{
    (void)state;
    const char *name = unique("改");
    char *c = customer_with_credit(NULL), *id = order(c, item(product("1"), "1", NULL), NULL);
    struct reply *before = GET(order_path(id, ""));
    long events = sql_count(stack.order_db, "SELECT count(*) FROM outbox");
    rename_customer(c, name, "");
    assert_int_equal(sql_count(stack.order_db, "SELECT count(*) FROM outbox"), events);
    assert_int_equal(found_by("orders", name), 1);
    assert_int_equal(found_by("orders", text_at(before, "data.customer_name")), 0);
    struct reply *after = GET(order_path(id, ""));
    for (double end = now_s() + 10; strcmp(text_at(after, "data.customer_name"), name) && now_s() < end;) after = GET(order_path(id, ""));
    expect_text(after, "data.customer_name", name);
    expect_number(after, "data.version", 1);
    assert_string_not_equal(header(before, "ETag"), header(after, "ETag"));
}

static long is_referred(const char *url, const char *customer_id)
{
    return sql_count(url, "SELECT is_referred::int FROM customer_ref WHERE customer_id = '%s'", customer_id);
}

/* Only customers to whom something refers are worth their indexes. */
static void test_customer_is_indexed_with_the_first_order(void **state)
{
    (void)state;
    char *none = customer_with_credit(NULL), *one = customer_with_credit(NULL), *items = item(product("1"), "1", NULL);
    assert_int_equal(is_referred(stack.order_db, one), 0);
    char *id = order(one, items, NULL);
    assert_int_equal(is_referred(stack.order_db, one), 1);
    assert_int_equal(is_referred(stack.order_db, none), 0);
    expect_status(PATCH(order_path(id, ""), text("{\"customer_id\":\"%s\"}", none)), 200);
    assert_int_equal(is_referred(stack.order_db, none), 1);
    char *quoted = customer_with_credit(NULL);
    quote(quoted, items, NULL);
    assert_int_equal(is_referred(stack.order_db, quoted), 1);
    target(stack.opportunity_url);
    char *hopeful = customer_known(unique("望"));
    assert_int_equal(is_referred(stack.opportunity_db, hopeful), 0);
    opportunity(unique("机"), hopeful, NULL);
    assert_int_equal(is_referred(stack.opportunity_db, hopeful), 1);
}

static void test_order_does_not_wait_for_a_rename(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *items = item(product("1"), "1", NULL);
    order(c, items, NULL); /* the first one tells that there are any */
    sql(stack.order_db, "BEGIN");
    rename_customer(c, unique("久"), "");
    struct reply *r = POST("/api/v1/orders", order_body(c, items, NULL));
    sql(stack.order_db, "ROLLBACK");
    expect_status(r, 200);
}

static char *orders_of_one(const char *customer_id)
{
    sql(stack.order_db,
        "INSERT INTO orders (order_id, customer_id, order_date, order_status, payment_status, order_items, assigned_to) "
        "SELECT uuid_v7(), '%s', date '2020-01-01' + n, '草稿', '未付款', '[%s]', gen_random_uuid() FROM generate_series(1, %d) n",
        customer_id, item(product("1"), "1", NULL), MANY);
    sql(stack.order_db, "ANALYZE orders");
    return sql(stack.order_db, "SELECT customer_name FROM customer_ref WHERE customer_id = '%s'", customer_id);
}

static void forget_orders_of(const char *customer_id)
{
    sql(stack.order_db, "DELETE FROM order_history h USING orders o WHERE o.order_id = h.order_id AND o.customer_id = '%s'", customer_id);
    sql(stack.order_db, "DELETE FROM orders WHERE customer_id = '%s'", customer_id);
    sql(stack.order_db, "DELETE FROM list_total");
}

/* A total that is kept is corrected by what has happened to orders, and given up when a customer has another name. */
static void test_totals_stay_exact(void **state)
{
    (void)state;
    char *c = customer_with_credit(NULL), *name = orders_of_one(c);
    const char *kept = text("SELECT count(*) FROM list_total WHERE total = %d", MANY), *renamed = unique("名");
    assert_int_equal(found_by("orders", name), MANY);
    assert_int_equal(sql_count(stack.order_db, "%s", kept), 1);
    char *id = order(c, item(product("1"), "1", NULL), NULL);
    order(customer_with_credit(NULL), item(product("1"), "1", NULL), NULL);
    assert_int_equal(found_by("orders", name), MANY + 1);
    expect_status(call("DELETE", order_path(id, ""), NULL, NULL), 200);
    assert_int_equal(found_by("orders", name), MANY);
    assert_int_equal(sql_count(stack.order_db, "%s", kept), 1); /* the same all the time */
    rename_customer(c, renamed, "");
    assert_int_equal(found_by("orders", name), 0);
    assert_int_equal(found_by("orders", renamed), MANY);
    forget_orders_of(c);
}

static void expect_newest(const char *query, const char *condition)
{
    struct reply *r = expect_status(GET(text("/api/v1/orders?size=5&%s", query)), 200);
    char *ids = text("%s", "");
    for (int i = 0; i < 5; i++) ids = text("%s%s,", ids, text_at(r, text("data.records.%d.order_id", i)));
    assert_string_equal(ids, sql(stack.order_db, "SELECT string_agg(order_id || ',', '') FROM (SELECT order_id FROM orders "
        "WHERE deleted_time IS NULL AND %s ORDER BY order_date DESC, order_id DESC LIMIT 5) o", condition));
}

/* Met on a walk, or named by an index: the same orders. */
static void test_pages_of_a_name_are_whole(void **state)
{
    (void)state;
    char *many = customer_with_credit(NULL), *few = customer_with_credit(NULL), *items = item(product("1"), "1", NULL);
    char *name = orders_of_one(many);
    const char *rare = unique("稀客");
    rename_customer(few, rare, "");
    for (int i = 0; i < 6; i++) order(few, items, NULL);
    const struct { const char *name, *id; } cases[] = { { name, many }, { rare, few } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *of_it = text("customer_id = '%s'", cases[i].id), *keyword = encoded(cases[i].name);
        expect_newest(text("keyword=%s", keyword), of_it);
        expect_newest(text("keyword=%s&total=estimate", keyword), of_it);
        expect_newest(text("keyword=%s&total=none", keyword), of_it);
        expect_newest(text("keyword=%s&order_status=DRAFT", keyword), of_it);
    }
    forget_orders_of(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_keyword_finds_number_name_and_pinyin, to_orders),
        cmocka_unit_test_setup(test_rename_changes_no_order, to_orders),
        cmocka_unit_test_setup(test_customer_is_indexed_with_the_first_order, to_orders),
        cmocka_unit_test_setup(test_order_does_not_wait_for_a_rename, to_orders),
        cmocka_unit_test_setup(test_totals_stay_exact, to_orders),
        cmocka_unit_test_setup(test_pages_of_a_name_are_whole, to_orders),
    };
    return system_main("customer names", tests, COUNT(tests));
}
