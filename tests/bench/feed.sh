#!/usr/bin/env bash
# Measures the feed of events: tests/bench/feed.sh
# How fast opportunity-service takes in what customer-service tells, and how long after a write at 500 writes a second.
# Starts a stack of its own and removes it. Writes docs/performance-feed.md.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TOP=$(cd "$HERE/../.." && pwd -P)
BACKLOG=50000 # events
WRITES=500    # a second
RUN_S=15

# shellcheck source=tests/bench/stack.sh
. "$HERE/stack.sh"
# shellcheck source=tests/bench/report.sh
. "$HERE/report.sh"
# shellcheck source=tests/bench/driving.sh
. "$HERE/driving.sh"

admin_sql() { psql -XqAt -v ON_ERROR_STOP=1 "$DATABASE_ADMIN_URL" "$@"; }

# until_known N SECONDS: looked for by one session, which costs less of the machine than it measures.
until_known() {
    admin_sql -c "SET statement_timeout = '$2s'" -c "
        DO \$\$ BEGIN
            WHILE (SELECT count(*) FROM opportunity.customer_ref) < $1 LOOP
                PERFORM pg_sleep(0.05);
                COMMIT;
            END LOOP;
        END \$\$" || die "$1 customers are not known after $2 s"
}

cpu_of() { ticks "$(<"$1")"; }

# Written in one transaction, so that all of it is there to be read at once.
backlog() {
    local begun before
    before=$(cpu_of "$OPPORTUNITY_SERVICE_PID_FILE")
    PGOPTIONS="-c search_path=customer,public -c statement_timeout=600s" psql -XqAt -v ON_ERROR_STOP=1 "$CUSTOMER_SERVICE_DATABASE_URL" -c "
        INSERT INTO customers (customer_id, customer_code, customer_name, customer_type, status, pinyin)
        SELECT ('00000000-0000-7000-a000-' || lpad(n::text, 12, '0'))::uuid, 'F' || n, '客户' || n, '企业', '活跃', 'kehu kh' FROM generate_series(1, $BACKLOG) n"
    begun=$(date +%s%N)
    until_known "$BACKLOG" 60
    result backlog_events_per_second "$(($BACKLOG * 1000 / (($(date +%s%N) - begun) / 1000000)))"
    result backlog_cpu_us_per_event "$(awk -v t=$(($(cpu_of "$OPPORTUNITY_SERVICE_PID_FILE") - before)) -v n="$BACKLOG" 'BEGIN { printf "%.1f", t * 10000 / n }')"
}

# From the write's answer being on its way (the event's own time) until it has taken effect.
lag() {
    local wanted
    admin_sql -c "ALTER TABLE opportunity.customer_ref ADD noted timestamptz DEFAULT clock_timestamp()" \
        -c "UPDATE opportunity.customer_ref SET noted = NULL"
    printf '1\tcreate\tPOST\t/api/v1/customers\t{"customer_name":"客户{n}","customer_type":"企业"}\n' >"$WORK/create.mix"
    timeout 60 "$DRIVE" -j -c 64 -d "$RUN_S" -p -r "$WRITES" -t "$WORK/token" -m "$WORK/create.mix" "$CUSTOMER_SERVICE_URL" >"$WORK/drive" || true
    result writes_per_second "$(figure per_second)"
    result writes_failed "$(figure failures)"
    wanted=$(admin_sql -c "SELECT count(*) FROM customer.customers")
    until_known "$wanted" 30
    admin_sql -F ' ' -c "SELECT round(extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY r.noted - o.created_time)) * 1000),
            round(extract(epoch FROM percentile_cont(0.99) WITHIN GROUP (ORDER BY r.noted - o.created_time)) * 1000),
            round(extract(epoch FROM max(r.noted - o.created_time)) * 1000)
        FROM opportunity.customer_ref r JOIN customer.outbox o ON o.aggregate_id = r.customer_id AND o.version = 1
        WHERE r.noted IS NOT NULL AND o.type = 'customer.created'" >"$WORK/lag"
    read -r p50 p99 most <"$WORK/lag"
    result lag_p50_ms "$p50"
    result lag_p99_ms "$p99"
    result lag_max_ms "$most"
}

goals() {
    cat <<TABLE
backlog_events_per_second >= 5000
writes_per_second         >= 475
writes_failed             <= 0
lag_p99_ms                <= 1000
TABLE
}

document() {
    cat <<DOC
# What the feed of events costs

Written by \`make bench-feed\` on $(date -u +%Y-%m-%d): $(nproc) CPUs ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), PostgreSQL
$("$PGBIN/postgres" -V | awk '{ print $3 }'). Clients, services and database share the machine.

| figure | value | goal | reached |
|---|---:|---:|---|
$(goals_reached | awk -F'\t' '{ printf "| %s | %s | %s | %s |\n", $1, $2, $3, $4 }')

| figure | value |
|---|---:|
$(awk '{ printf "| %s | %s |\n", $1, $2 }' "$WORK/results")

- **Backlog**: $BACKLOG customers written by one transaction of customer-service's schema, from its end until opportunity-service knows
  them all; CPU is opportunity-service's own.
- **Lag**: $WRITES customers created a second over HTTP, at random (Poisson), for $RUN_S s; from the begin of a write's transaction
  until opportunity-service has the customer.
DOC
}

stack_start
backlog
lag
goals_reached | awk -F'\t' '{ printf "%-34s %10s  %-8s %s\n", $1, $2, $3, $4 == "yes" ? "reached" : "MISSED" }'
document >"$TOP/docs/performance-feed.md"
