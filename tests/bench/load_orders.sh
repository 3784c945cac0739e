# shellcheck shell=bash
# Orders of generated customers with some payments and their history, and quotes, straight into the tables.

order_sql() { bulk_sql ordering "$@"; }

SOLD='[{"product_id":"'$(id_of a000 1)'","product_code":"P000001","product_name":"产品1","quantity":150,"unit_price":2.00,"amount":300.00}]'

# load_order_parties [PRODUCTS]: what orders and quotes refer to
load_order_parties() {
    indexes_drop ordering products
    order_sql <<SQL
TRUNCATE orders, quotes, products, customer_ref, list_total CASCADE;
$(sellers_sql)
INSERT INTO customer_ref (customer_id, customer_code, customer_name, credit_known, status, version, created_by, is_referred)
SELECT $(id_sql 9000 n), 'C' || n, c.name, true, '活跃', 1, NULL, true FROM generate_series(0, $BUYERS - 1) n
CROSS JOIN LATERAL (SELECT (ARRAY['北京','上海','广州','深圳','苏州','杭州','成都','武汉'])[1 + n % 8] || (ARRAY['懿禾','康宁','同济','华仁','百草'])[1 + n % 5] || n || '医药有限公司' AS name) c;
INSERT INTO products (product_id, product_code, product_name, category, specification, unit_price, status, created_time, updated_time)
SELECT $(id_sql a000 n), 'P' || lpad(n::text, 6, '0'), $(one_of 1 阿莫西林 布洛芬 头孢克肟 血压计 注射器 监护仪) || n, $(one_of 2 药品 医疗器械 耗材 冷链),
       $(one_of 3 10mg×12 25mg×24 通用型 便携式), 1 + $(hashed 4 100000) / 100.0, $(one_of 5 在售 在售 在售 停售),
       now() - n * interval '10 minutes', now() - $(hashed 6 1000) * interval '1 hour'
FROM generate_series(0, ${1:-100} - 1) n;
SQL
}

# load_order_range FIRST LAST
load_order_range() {
    order_sql <<SQL
INSERT INTO orders (order_id, order_number, customer_id, order_date, total_amount, tax_rate, tax_amount, amount_with_tax, order_status, payment_status,
                    erp_sync_status, assigned_to, order_items, created_by, created_time, updated_time)
SELECT $(id_sql b000 n), 'SO20' || lpad(n::text, 8, '0'), $(id_sql 9000 "$(hashed 5 "$BUYERS")"),
       (now() - n * interval '20 s')::date, 300, 13, 39, 339,
       $(one_of 1 草稿 审批中 已审批 已驳回 处理中 部分发货 已发货 已完成 已完成 已完成 已取消 退货中),
       $(one_of 2 未付款 部分付款 已付款 已付款 已退款), $(one_of 3 待同步 已同步 已同步 失败),
       $(id_sql 8000 "$(hashed 4 "$SELLERS")"), '$SOLD', '$(id_of 8000 0)', now() - n * interval '20 s', now() - n * interval '20 s'
FROM generate_series($1, $2) n;
SQL
}

# load_order_rows COUNT [PRODUCTS]: in place of those that are there; indexes_make is due
load_order_rows() {
    indexes_drop ordering orders
    load_order_parties "${2:-}"
    both load_order_range "$1"
    order_sql -c "SELECT FROM setval('order_numbers', 100000000)"
}

# load_payment_rows COUNT ORDERS: of orders as they come, with what has become of these; in place of those that are there
load_payment_rows() {
    order_sql <<SQL
TRUNCATE payments, order_history;
INSERT INTO payments (order_id, kind, amount, paid_date) SELECT $(id_sql b000 "1 + n % $2"), '收款', 1 + n % 300, current_date FROM generate_series(1, $1) n;
INSERT INTO order_history (order_id, sequence, to_status) SELECT $(id_sql b000 "1 + n % $2"), 1, '草稿' FROM generate_series(1, least($1, $2)) n;
SQL
}

# load_quote_rows COUNT: each in its second version, in place of those that are there; indexes_make is due
load_quote_rows() {
    indexes_drop ordering quotes
    order_sql <<SQL
TRUNCATE quotes CASCADE;
INSERT INTO quotes (quote_id, quote_number, quote_version, customer_id, quote_date, valid_until, total_amount, tax_rate, tax_amount, amount_with_tax,
                    quote_status, assigned_to, quote_items, created_by, created_time, updated_time)
SELECT $(id_sql d000 n), 'QT20' || lpad(n::text, 8, '0'), 2, $(id_sql 9000 "$(hashed 1 "$BUYERS")"), (now() - n * interval '15 minutes')::date,
       (now() - n * interval '15 minutes')::date + 30, q.total, 13, q.tax, q.total + q.tax, $(one_of 2 草稿 已发出 已接受 已拒绝 已转订单),
       $(id_sql 8000 "$(hashed 3 "$SELLERS")"), '$SOLD', '$(id_of 8000 0)', now() - n * interval '15 minutes',
       now() - $(hashed 5 100000) * interval '1 minute'
FROM generate_series(1, $1) n
CROSS JOIN LATERAL (SELECT t::numeric(15, 2) AS total, round(t * 0.13, 2) AS tax FROM (VALUES (100 + $(hashed 4 1000000) / 100.0)) v (t)) q;
INSERT INTO quote_versions (quote_id, quote_version, quote_date, valid_until, total_amount, tax_rate, tax_amount, amount_with_tax, quote_status, quote_items)
SELECT quote_id, 1, quote_date, valid_until, total_amount, tax_rate, tax_amount, amount_with_tax, '已发出', quote_items FROM quotes;
SELECT FROM setval('quote_numbers', 100000000);
SQL
}

load_orders() {
    bulk_begin
    load_order_rows "$1"
    indexes_make
    bulk_end
}
