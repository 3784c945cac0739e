# shellcheck shell=bash
# Orders of generated customers, straight into the tables.

ORDER_CUSTOMERS=20000
ORDER_OWNERS=200

order_sql() { bulk_sql ordering "$@"; }

# id_of KIND N: of a user (8000), customer (9000), product (a000) or order (b000)
id_of() { printf '00000000-0000-7000-%s-%012d' "$1" "$2"; }

# hashed PLACE COUNT: one of so many for the order numbered n, independent of what another PLACE takes
hashed() { printf '((hashint8extended(n, %d) & 2147483647) %% %d)::int' "$1" "$2"; }

# What orders refer to.
load_order_parties() {
    order_sql <<SQL
TRUNCATE orders, products, customer_ref, list_total CASCADE;
INSERT INTO user_ref (user_id, name) SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, '销售' || n FROM generate_series(0, $ORDER_OWNERS - 1) n
ON CONFLICT DO NOTHING;
INSERT INTO customer_ref (customer_id, customer_code, customer_name, credit_known, status, version, created_by, is_referred)
SELECT ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, 'C' || n, c.name, true, '活跃', 1, NULL, true FROM generate_series(0, $ORDER_CUSTOMERS - 1) n
CROSS JOIN LATERAL (SELECT (ARRAY['北京','上海','广州','深圳','苏州','杭州','成都','武汉'])[1 + n % 8] || (ARRAY['懿禾','康宁','同济','华仁','百草'])[1 + n % 5] || n || '医药有限公司' AS name) c;
INSERT INTO products (product_id, product_code, product_name, unit_price, status)
SELECT ('00000000-0000-7000-a000-' || lpad(n::text, 12, '0'))::uuid, 'P' || n, '产品' || n, 1 + n, '在售' FROM generate_series(0, 99) n;
SQL
}

# load_order_range FIRST LAST
load_order_range() {
    order_sql <<SQL
INSERT INTO orders (order_id, order_number, customer_id, order_date, total_amount, tax_rate, tax_amount, amount_with_tax, order_status, payment_status,
                    erp_sync_status, assigned_to, order_items, created_by, created_time, updated_time)
SELECT ('00000000-0000-7000-b000-' || lpad(n::text, 12, '0'))::uuid, 'SO20' || lpad(n::text, 8, '0'),
       ('00000000-0000-7000-9000-' || lpad($(hashed 5 $ORDER_CUSTOMERS)::text, 12, '0'))::uuid, (now() - n * interval '20 s')::date, 300, 13, 39, 339,
       (ARRAY['草稿','审批中','已审批','已驳回','处理中','部分发货','已发货','已完成','已完成','已完成','已取消','退货中'])[1 + $(hashed 1 12)],
       (ARRAY['未付款','部分付款','已付款','已付款','已退款'])[1 + $(hashed 2 5)], (ARRAY['待同步','已同步','已同步','失败'])[1 + $(hashed 3 4)],
       ('00000000-0000-7000-8000-' || lpad($(hashed 4 $ORDER_OWNERS)::text, 12, '0'))::uuid,
       '[{"product_id":"00000000-0000-7000-a000-000000000001","product_code":"P1","product_name":"产品1","quantity":150,"unit_price":2.00,"amount":300.00}]',
       '00000000-0000-7000-8000-000000000000', now() - n * interval '20 s', now() - n * interval '20 s'
FROM generate_series($1, $2) n;
SQL
}

# load_order_rows COUNT: in place of those that are there; indexes_make is due
load_order_rows() {
    indexes_drop ordering orders
    load_order_parties
    load_order_range 1 $(($1 / 2)) &
    load_order_range $(($1 / 2 + 1)) "$1"
    wait $!
    order_sql -c "SELECT FROM setval('order_numbers', 100000000)"
}

load_orders() {
    bulk_begin
    load_order_rows "$1"
    indexes_make
    bulk_end
}
