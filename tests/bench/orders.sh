#!/usr/bin/env bash
# Measures order-service: tests/bench/orders.sh
# Lists of many orders by each filter and by keywords; creates of ten items at a rate.
# Starts a stack of its own and removes it. Writes docs/performance-orders.md.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TOP=$(cd "$HERE/../.." && pwd -P)
N=${N:-5000000}       # orders
CUSTOMERS=20000
OWNERS=200
RATE=200              # creates a second
RUN_S=20
ROUNDS=3              # of them; the median counts

# shellcheck source=tests/bench/stack.sh
. "$HERE/stack.sh"
# shellcheck source=tests/bench/report.sh
. "$HERE/report.sh"
# shellcheck source=tests/bench/lists.sh
. "$HERE/lists.sh"
# shellcheck source=tests/bench/get.sh
. "$HERE/get.sh"

# Triggers off: they would write an event, a line of history and an entry of credit for each.
order_sql() { PGOPTIONS="-c client_min_messages=warning -c search_path=ordering,public -c session_replication_role=replica \
-c maintenance_work_mem=2GB -c max_parallel_maintenance_workers=2 -c statement_timeout=3600s" psql -XqAt -v ON_ERROR_STOP=1 "$DATABASE_ADMIN_URL" "$@"; }

id_of() { printf '00000000-0000-7000-%s-%012d' "$1" "$2"; }

# hashed PLACE COUNT: one of so many for the order numbered n, independent of what another PLACE takes
hashed() { printf '((hashint8extended(n, %d) & 2147483647) %% %d)::int' "$1" "$2"; }

# The indexes are made afterwards.
load() {
    local begun=$SECONDS
    order_sql -c "SELECT indexdef || ';' FROM pg_indexes WHERE schemaname = 'ordering' AND tablename = 'orders' AND indexname !~ 'pkey'" >"$WORK/create.sql"
    order_sql -c "SELECT format('DROP INDEX %I;', indexname) FROM pg_indexes WHERE schemaname = 'ordering' AND tablename = 'orders' AND indexname !~ 'pkey'" >"$WORK/drop.sql"
    order_sql -f "$WORK/drop.sql"
    order_sql <<SQL
INSERT INTO user_ref (user_id, name) SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, '销售' || n FROM generate_series(0, $OWNERS - 1) n;
INSERT INTO customer_ref (customer_id, customer_code, customer_name, credit_known, status, version, created_by)
SELECT ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, 'C' || n, c.name, true, '活跃', 1, NULL FROM generate_series(0, $CUSTOMERS - 1) n
CROSS JOIN LATERAL (SELECT (ARRAY['北京','上海','广州','深圳','苏州','杭州','成都','武汉'])[1 + n % 8] || (ARRAY['懿禾','康宁','同济','华仁','百草'])[1 + n % 5] || n || '医药有限公司' AS name) c;
INSERT INTO products (product_id, product_code, product_name, unit_price, status)
SELECT ('00000000-0000-7000-a000-' || lpad(n::text, 12, '0'))::uuid, 'P' || n, '产品' || n, 1 + n, '在售' FROM generate_series(0, 99) n;
INSERT INTO orders (order_id, order_number, customer_id, order_date, total_amount, tax_rate, tax_amount, amount_with_tax, order_status, payment_status,
                    erp_sync_status, assigned_to, order_items, created_by, created_time, updated_time, customer_text)
SELECT ('00000000-0000-7000-b000-' || lpad(n::text, 12, '0'))::uuid, 'SO20' || lpad(n::text, 8, '0'), c.customer_id, (now() - n * interval '20 s')::date, 300, 13, 39, 339,
       (ARRAY['草稿','审批中','已审批','已驳回','处理中','部分发货','已发货','已完成','已完成','已完成','已取消','退货中'])[1 + $(hashed 1 12)],
       (ARRAY['未付款','部分付款','已付款','已付款','已退款'])[1 + $(hashed 2 5)], (ARRAY['待同步','已同步','已同步','失败'])[1 + $(hashed 3 4)],
       ('00000000-0000-7000-8000-' || lpad($(hashed 4 $OWNERS)::text, 12, '0'))::uuid,
       '[{"product_id":"00000000-0000-7000-a000-000000000001","product_code":"P1","product_name":"产品1","quantity":150,"unit_price":2.00,"amount":300.00}]',
       '00000000-0000-7000-8000-000000000000', now() - n * interval '20 s', now() - n * interval '20 s', c.customer_name
FROM generate_series(1, $N) n JOIN customer_ref c ON c.customer_id = ('00000000-0000-7000-9000-' || lpad($(hashed 5 $CUSTOMERS)::text, 12, '0'))::uuid;
SELECT FROM setval('order_numbers', 100000000);
SQL
    grep gin "$WORK/create.sql" | order_sql & # by one process each; the others' are sorted by several
    grep -v gin "$WORK/create.sql" | order_sql
    wait $!
    order_sql -c "VACUUM ANALYZE" -c CHECKPOINT
    result load_seconds $((SECONDS - begun))
}

order_filters() {
    local value
    for value in 草稿 审批中 已审批 已驳回 处理中 部分发货 已发货 已完成 已取消 退货中; do list_case filter "order_status=$value" "order_status=$(encoded "$value")"; done
    for value in 未付款 部分付款 已付款 已退款; do list_case filter "payment_status=$value" "payment_status=$(encoded "$value")"; done
    for value in 待同步 已同步 失败; do list_case filter "erp_sync_status=$value" "erp_sync_status=$(encoded "$value")"; done
    list_case filter "customer_id" "customer_id=$(id_of 9000 7)"
    list_case filter "assigned_to" "assigned_to=$(id_of 8000 7)"
    list_case filter "order_number" "order_number=SO20$(printf %08d $((N / 2)))"
    list_case filter "opportunity_id" "opportunity_id=$(id_of c000 7)"
    list_case filter "dates: a month" "start_date=$(date -d '60 days ago' +%F)&end_date=$(date -d '30 days ago' +%F)"
    list_case filter "dates: two years" "start_date=$(date -d '2 years ago' +%F)"
}

order_keywords() {
    local word
    for word in 懿禾 医药 有限公司 北京 康宁 上海康宁 深圳同济 7919医药 SO20 "SO20$(printf %08d $((N / 3)))" 0001 so2000; do
        list_case keyword "$word" "keyword=$(encoded "$word")"
    done
}

order_others() {
    list_case other "no filter" "size=10"
    list_case other "by amount" "sort=total_amount"
    list_case other "by number" "sort=order_number&order=asc"
    list_case other "by creation" "sort=created_time"
    list_case other "a status of a customer" "customer_id=$(id_of 9000 7)&order_status=$(encoded 已完成)"
}

order_total_check() {
    local total counted
    total=$(curl -sS --max-time 60 -H "Authorization: Bearer $(<"$WORK/token")" "$LIST_URL?size=1&$1" | sed 's/.*"total":\([0-9]*\).*/\1/')
    counted=$(order_sql -c "SELECT count(*) FROM orders WHERE deleted_time IS NULL AND $2")
    [ "$total" = "$counted" ] || WRONG_TOTALS=$((WRONG_TOTALS + 1))
}

order_lists() {
    LIST_URL=$ORDER_SERVICE_URL/api/v1/orders
    WRONG_TOTALS=0
    order_filters
    order_keywords
    order_others
    order_total_check "order_status=$(encoded 已完成)" "order_status = '已完成'"
    order_total_check "keyword=$(encoded 懿禾)" "search_text LIKE '%懿禾%'"
    order_total_check "keyword=$(encoded 上海康宁)" "search_text LIKE '%上海康宁%'"
    result filter_p95_ms_worst "$(worst filter)"
    result keyword_p95_ms_worst "$(worst keyword)"
    result other_p95_ms_worst "$(worst other)"
    result first_request_ms_worst "$(awk -F'\t' '$3 > worst { worst = $3 } END { print worst }' "$WORK/lists")"
    result lists_failed "$(awk -F'\t' '{ n += $7 } END { print n + 0 }' "$WORK/lists")"
    result wrong_totals "$WRONG_TOTALS"
}

# create_ms COLUMN: of each round
create_ms() { awk -v i="$1" '{ printf "%.2f\n", $i / 1000 }' "$WORK/creates"; }

# Ten items each, submitted, of a customer out of many.
creates() {
    local items i
    items=$(for ((i = 0; i < 10; i++)); do printf '%s{"product_id":"%s","quantity":1.5}' "$([ $i = 0 ] || echo ,)" "$(id_of a000 $i)"; done)
    for ((i = 0; i < CUSTOMERS; i++)); do id_of 9000 "$i" && echo; done >"$WORK/ids"
    printf '1\tcreate\tPOST\t/api/v1/orders\t{"customer_id":"{id}","order_status":"已提交","order_items":[%s]}\n' "$items" >"$WORK/create.mix"
    for ((i = 0; i < ROUNDS; i++)); do
        timeout 90 "$DRIVE" -j -c 64 -w 5 -d "$RUN_S" -p -r "$RATE" -t "$WORK/token" -i "$WORK/ids" -m "$WORK/create.mix" "$ORDER_SERVICE_URL" >"$WORK/drive" || true
        printf '%s %s %s %s\n' "$(figure requests)" "$(figure failures)" "$(figure p50_us)" "$(figure p99_us)" | tee -a "$WORK/creates"
    done
    result creates "$(awk '{ n += $1 } END { print n }' "$WORK/creates")"
    result creates_failed "$(awk '{ n += $2 } END { print n }' "$WORK/creates")"
    result create_p50_ms "$(create_ms 3 | median)"
    result create_p99_ms "$(create_ms 4 | median)"
    result create_p99_ms_worst_round "$(create_ms 4 | sort -n | tail -n 1)"
    result orders_not_adding_up "$(order_sql -c "SELECT count(*) FROM orders o WHERE o.total_amount <> (SELECT sum((i.value ->> 'amount')::numeric)
        FROM json_array_elements(o.order_items) i) AND o.created_time > now() - interval '5 min'")"
}

goals() {
    cat <<TABLE
create_p99_ms        <= 20
creates_failed       <= 0
orders_not_adding_up <= 0
filter_p95_ms_worst  <= 150
keyword_p95_ms_worst <= 150
lists_failed         <= 0
wrong_totals         <= 0
TABLE
}

order_document() {
    cat <<DOC
# What orders cost

Written by \`make bench-orders\` on $(date -u +%Y-%m-%d): $(nproc) CPUs ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), PostgreSQL
$("$PGBIN/postgres" -V | awk '{ print $3 }'), $N orders of $CUSTOMERS customers. Client, service and database share the machine.

| figure | value | goal | reached |
|---|---:|---:|---|
$(goals_reached | awk -F'\t' '{ printf "| %s | %s | %s | %s |\n", $1, $2, $3, $4 }')

| figure | value |
|---|---:|
$(awk '{ printf "| %s | %s |\n", $1, $2 }' "$WORK/results")

- **create**: \`POST /api/v1/orders\` with ten items, submitted, so that it is counted, numbered, judged, and takes credit: $RATE a second at
  random (Poisson) for $RUN_S s, 64 connections, each from its arrival; $ROUNDS rounds, medians of their percentiles. One segment of statements, one round trip.
- **lists**: the first request of each ("first" has to count when the filter is broad), then $REPEATS more; totals were compared with
  PostgreSQL's own.

$(lists_table)
DOC
}

stack_start
PG_PID=$(<"$PG_PID_FILE")
load
order_lists
creates
order_document >"$TOP/docs/performance-orders.md"
goals_reached | awk -F'\t' '{ printf "%-22s %10s  %-8s %s\n", $1, $2, $3, $4 == "yes" ? "reached" : "MISSED" }'
