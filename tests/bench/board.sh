#!/usr/bin/env bash
# Measures the board of opportunities: tests/bench/board.sh
# GET /opportunities/board over 1,000,000 of them: whole, filtered, in a department's reach, and while many have just changed.
# Starts a stack of its own and removes it. Writes docs/performance-board.md.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TOP=$(cd "$HERE/../.." && pwd -P)
N=${N:-1000000}  # opportunities
REPEATS=40
CHANGED=50000    # rows

# shellcheck source=tests/bench/stack.sh
. "$HERE/stack.sh"
# shellcheck source=tests/bench/report.sh
. "$HERE/report.sh"
# shellcheck source=tests/bench/people.sh
. "$HERE/people.sh"
# shellcheck source=tests/bench/bulk.sh
. "$HERE/bulk.sh"
# shellcheck source=tests/bench/load_opportunities.sh
. "$HERE/load_opportunities.sh"

# board_case NAME QUERY [TOKEN_FILE]
board_case() {
    local i
    for ((i = 0; i < REPEATS; i++)); do
        printf 'url = "%s/api/v1/opportunities/board?%s"\noutput = "/dev/null"\n' "$OPPORTUNITY_SERVICE_URL" "$2"
    done | curl -sS --max-time 60 -H "Authorization: Bearer $(<"${3:-$WORK/token}")" -w '%{time_total} %{http_code}\n' -K - >"$WORK/times"
    [ "$(awk '{ print $2 }' "$WORK/times" | sort -u)" = 200 ] || die "$1: not every answer was 200"
    result "$1_first_ms" "$(awk 'NR == 1 { printf "%.1f", $1 * 1000 }' "$WORK/times")"
    sort -n "$WORK/times" | awk -v name="$1" -v n="$REPEATS" 'NR == int(n * .5) { p50 = $1 } NR == int(n * .95) { printf "%.1f %.1f\n", p50 * 1000, $1 * 1000 }' >"$WORK/quantiles"
    result "$1_p50_ms" "$(cut -d' ' -f1 "$WORK/quantiles")"
    result "$1_p95_ms" "$(cut -d' ' -f2 "$WORK/quantiles")"
}

# Exact, or the figures are worth nothing.
compare() {
    local shown counted
    shown=$(api GET "$OPPORTUNITY_SERVICE_URL/api/v1/opportunities/board" | grep -o '"count":[^}]*' | sed 's/"count":\([0-9]*\),"amount":\([0-9.]*\),"weighted_amount":\(.*\)/\1|\2|\3/')
    counted=$(sales_sql -c "SELECT count(*), sum(estimated_amount), round(sum(estimated_amount * o.win_probability) / 100, 2)
        FROM opportunities o JOIN stages s ON s.stage_id = o.sales_stage_id GROUP BY s.stage_id, s.sort_order ORDER BY s.sort_order")
    [ "$shown" = "$counted" ] || die "the board differs from PostgreSQL's own sums"
}

goals() { awk '$1 ~ /_p95_ms$/ { print $1, "<=", 300 }' "$WORK/results"; }

document() {
    cat <<DOC
# What a board costs

Written by \`make bench-board\` on $(date -u +%Y-%m-%d): $(nproc) CPUs ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), PostgreSQL
$("$PGBIN/postgres" -V | awk '{ print $3 }'), $N opportunities of $SELLERS owners in eight stages. Client, service and database share the machine.

| figure | value | goal | reached |
|---|---:|---:|---|
$(goals_reached | awk -F'\t' '{ printf "| %s | %s | %s | %s |\n", $1, $2, $3, $4 }')

| figure | value |
|---|---:|
$(awk '{ printf "| %s | %s |\n", $1, $2 }' "$WORK/results")

- \`GET /api/v1/opportunities/board\`, one request after the other on one connection, $REPEATS of each kind; the sums of the whole board
  were compared with PostgreSQL's own over the decimals.
- **all**: the default pipeline, by who reaches everything. **owner**, **customer**, **status**, **year**: with a filter. **department**: by
  who reaches the records of half of the owners. **changed**: the whole board after $CHANGED rows were changed and not vacuumed since.
- By owner, department and status a board is added up from sums that each write keeps (\`board_sums\`); by customer or time from
  one covering index (\`opportunities_board\`), from whole fen.
DOC
}

stack_start
DEPARTMENT=$(api POST "$AUTH_SERVICE_URL/api/v1/departments" '{"department_name":"看板"}' | sed 's/.*"department_id":"\([^"]*\)".*/\1/')
user_make zhuguan SALES_MANAGER ",\"department_id\":\"$DEPARTMENT\""
token_of zhuguan >"$WORK/token.manager"
begun=$SECONDS
load_opportunities "$N" "$(psql -XqAt "$DATABASE_ADMIN_URL" -c "SELECT path FROM auth.departments WHERE department_id = '$DEPARTMENT'")"
result load_seconds $((SECONDS - begun))
compare
board_case all ""
board_case owner "assigned_to=$(id_of 8000 7)"
board_case customer "customer_id=$(id_of 9000 7)"
board_case status "status=OPEN"
board_case year "start_date=$(date -d '1 year ago' +%F)"
board_case department "" "$WORK/token.manager"
sales_sql -c "ALTER TABLE opportunities SET (autovacuum_enabled = off)" -c "ALTER TABLE opportunities ENABLE ALWAYS TRIGGER opportunities_summed_anew" \
    -c "UPDATE opportunities SET win_probability = 42 WHERE opportunity_id IN (SELECT opportunity_id FROM opportunities TABLESAMPLE SYSTEM (20) LIMIT $CHANGED)"
compare
board_case changed ""
goals_reached | awk -F'\t' '{ printf "%-34s %10s  %-8s %s\n", $1, $2, $3, $4 == "yes" ? "reached" : "MISSED" }'
document >"$TOP/docs/performance-board.md"
