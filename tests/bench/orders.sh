#!/usr/bin/env bash
# Measures order-service: tests/bench/orders.sh
# Lists of many orders by each filter and by keywords; creates of ten items at a rate.
# Starts a stack of its own and removes it. Writes docs/performance-orders.md.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TOP=$(cd "$HERE/../.." && pwd -P)
N=${N:-5000000}       # orders
RATE=200              # creates a second
RUN_S=20
ROUNDS=3              # of them; the median counts

# shellcheck source=tests/bench/stack.sh
. "$HERE/stack.sh"
# shellcheck source=tests/bench/report.sh
. "$HERE/report.sh"
# shellcheck source=tests/bench/lists.sh
. "$HERE/lists.sh"
# shellcheck source=tests/bench/bulk.sh
. "$HERE/bulk.sh"
# shellcheck source=tests/bench/load_orders.sh
. "$HERE/load_orders.sh"
# shellcheck source=tests/bench/order_lists.sh
. "$HERE/order_lists.sh"
# shellcheck source=tests/bench/driving.sh
. "$HERE/driving.sh"

# create_ms COLUMN: of each round
create_ms() { awk -v i="$1" '{ printf "%.2f\n", $i / 1000 }' "$WORK/creates"; }

# Ten items each, submitted, of a customer out of many.
creates() {
    local items i
    items=$(for ((i = 0; i < 10; i++)); do printf '%s{"product_id":"%s","quantity":1.5}' "$([ $i = 0 ] || echo ,)" "$(id_of a000 $i)"; done)
    for ((i = 0; i < BUYERS; i++)); do id_of 9000 "$i" && echo; done >"$WORK/ids"
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
$("$PGBIN/postgres" -V | awk '{ print $3 }'), $N orders of $BUYERS customers. Client, service and database share the machine.

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
begun=$SECONDS
load_orders "$N"
result load_seconds $((SECONDS - begun))
orders_lists
list_results
creates
order_document >"$TOP/docs/performance-orders.md"
goals_reached | awk -F'\t' '{ printf "%-22s %10s  %-8s %s\n", $1, $2, $3, $4 == "yes" ? "reached" : "MISSED" }'
