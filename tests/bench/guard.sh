#!/usr/bin/env bash
# Measures what the gateway's guards cost: tests/bench/guard.sh
# CPU of a request with rate limits and without, with a record and without; records a second; a look-up in a long list of addresses.
# Starts a stack of its own and removes it. Writes docs/performance-guard.md.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TOP=$(cd "$HERE/../.." && pwd -P)
N=20000    # customers
ROUNDS=7   # of which the median counts
RUN_S=2
DENIALS=5000 # a second
DENIALS_S=10
COST=${COST:-$TOP/build/release/tests/bench/cost}

# shellcheck source=tests/bench/stack.sh
. "$HERE/stack.sh"
# shellcheck source=deploy/lib/ports.sh
. "$TOP/deploy/lib/ports.sh"
# shellcheck source=tests/bench/report.sh
. "$HERE/report.sh"
# shellcheck source=tests/bench/load.sh
. "$HERE/load.sh"
# shellcheck source=tests/bench/get.sh
. "$HERE/get.sh"

declare -A PID URL

# gateway NAME [SETTING=value...]: one more of them, as the stack's but for these
gateway() {
    local name=$1 settings=()
    shift
    mapfile -d '' settings <"/proc/$(<"$GATEWAY_PID_FILE")/environ"
    env -i "${settings[@]}" HTTPS_PORT="${PORT[$name]}" ADMIN_PORT="${PORT[${name}_admin]}" WATCH_DENIALS_OF_ADDRESS=0 "$@" \
        "$BIN_DIR/gateway" >"$WORK/$name.log" 2>&1 &
    PID[$name]=$! URL[$name]=https://localhost:${PORT[$name]}
    until curl -sf -o /dev/null "http://127.0.0.1:${PORT[${name}_admin]}/readyz"; do kill -0 "${PID[$name]}" || die "no gateway $name"; sleep 0.1; done
}

# cost_of NAME FIGURE [OPTION...]: CPU of a request through it
cost_of() {
    local before after name=$1 figure=$2
    shift 2
    before=$(ticks "${PID[$name]}")
    drive 32 "${URL[$name]}" -d "$RUN_S" "$@"
    after=$(ticks "${PID[$name]}")
    [ "$(figure failures)" = 0 ] || die "$figure: $(figure failures) failures"
    awk -v t=$((after - before)) -v n="$(figure requests)" 'BEGIN { printf "%.2f\n", t * 10000 / n }' >>"$WORK/cost.$figure"
}

# write OPTION...: as drive, of changes
write_of() { timeout 30 "$DRIVE" -j -c 32 -d "$RUN_S" -t "$WORK/token" -i "$WORK/ids" -m "$WORK/write.mix" "$1" >"$WORK/drive"; }

cost_of_write() {
    local before after
    before=$(ticks "${PID[$1]}")
    write_of "${URL[$1]}"
    after=$(ticks "${PID[$1]}")
    [ "$(figure failures)" = 0 ] || die "$2: $(figure failures) failures"
    awk -v t=$((after - before)) -v n="$(figure requests)" 'BEGIN { printf "%.2f\n", t * 10000 / n }' >>"$WORK/cost.$2"
    figure p50_us >>"$WORK/p50.$2"
}

costs() {
    local round name
    printf '1\tchange\tPATCH\t/api/v1/customers/{id}\t{"description":"x"}\n' >"$WORK/write.mix"
    for name in bare limits; do drive 32 "${URL[$name]}" -d 2; done
    for name in bare audit; do write_of "${URL[$name]}"; done
    for ((round = 0; round < ROUNDS; round++)); do
        cost_of bare read_bare
        cost_of limits read_limits
        cost_of_write bare write_bare
        cost_of_write audit write_audit
    done
    for name in read_bare read_limits write_bare write_audit; do result "${name}_cpu_us" "$(median <"$WORK/cost.$name")"; done
    result limiter_added_us "$(paste "$WORK/cost.read_limits" "$WORK/cost.read_bare" | awk '{ printf "%.2f\n", $1 - $2 }' | median)"
    result audit_added_us "$(paste "$WORK/cost.write_audit" "$WORK/cost.write_bare" | awk '{ printf "%.2f\n", $1 - $2 }' | median)"
    result write_bare_p50_us "$(median <"$WORK/p50.write_bare")"
    result write_audit_p50_us "$(median <"$WORK/p50.write_audit")"
}

stored() { PGOPTIONS='-c search_path=auth' psql -XqAt "$DATABASE_ADMIN_URL" -c "SELECT count(*) FROM audit_records WHERE status = 401"; }

# Denied requests are the cheapest that leave a record.
records() {
    local begun before offered now
    echo "no.token.at-all" >"$WORK/bad"
    before=$(stored) begun=$(date +%s%N)
    timeout 60 "$DRIVE" -j -c 64 -w 1 -d "$DENIALS_S" -p -r "$DENIALS" -t "$WORK/bad" -i "$WORK/ids" "${URL[audit]}/api/v1/customers/{id}" >"$WORK/drive" || true
    offered=$(figure requests)
    for ((;;)); do
        now=$(stored)
        [ $((now - before)) -lt "$offered" ] && [ $(($(date +%s%N) - begun)) -lt 60000000000 ] || break
        sleep 0.2
    done
    result records_offered "$offered"
    result records_stored $((now - before))
    result records_per_second "$(awk -v n=$((now - before)) -v t=$(($(date +%s%N) - begun)) 'BEGIN { printf "%.0f", n * 1e9 / t }')"
}

goals() {
    cat <<TABLE
limiter_added_us   <= 10
audit_added_us     <= 10
records_missing    <= 0
records_per_second >= 4500
cidr_us            <= 1
TABLE
}

guard_document() {
    cat <<DOC
# What the gateway's guards cost

Written by \`make bench-guard\` on $(date -u +%Y-%m-%d): $(nproc) CPUs ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $N customers.
Clients, gateways, services and database share the machine.

| figure | value | goal | reached |
|---|---:|---:|---|
$(goals_reached | awk -F'\t' '{ printf "| %s | %s | %s | %s |\n", $1, $2, $3, $4 }')

| figure | value |
|---|---:|
$(awk '{ printf "| %s | %s |\n", $1, $2 }' "$WORK/results")

- **limiter_added_us**: CPU of the gateway for a GET by id, with limits of user, address and class that nobody reaches (leases from Redis), less
  that without any; two gateways in turns before one service, 32 connections, median of $ROUNDS rounds.
- **audit_added_us**: the same for a PATCH, with a record on the disk before each answer, and without. The record's own way is in it: JSON, the
  write and its fsync, and its journey to auth-service. p50 is of the client.
- **records**: $DENIALS requests with a bad token a second for $DENIALS_S s, at random (Poisson): each is answered when its record is on the disk; the rate is
  until the last is in auth-service's table, chained, the half second in which the last file is filled included.
- **cidr_us**: a look-up in a list of 100,000 prefixes, in a loop.
DOC
}

stack_start
load
ports_take < <(printf '%s 0\n' bare bare_admin limits limits_admin audit audit_admin)
unlimited=(RATE_USER=none RATE_CLIENT=none RATE_ADDRESS=none RATE_LOGIN=none RATE_REPORT=none)
gateway bare "${unlimited[@]}" AUDIT_FOLDER=
gateway limits RATE_USER=1000000/s RATE_READ=1000000/s AUDIT_FOLDER=
gateway audit "${unlimited[@]}" AUDIT_FOLDER="$WORK/audit"
costs
records
result records_missing $(($(awk '$1 == "records_offered" { print $2 }' "$WORK/results") - $(awk '$1 == "records_stored" { print $2 }' "$WORK/results")))
while read -r name us; do [ "$name" != cidr_us ] || result cidr_us "$us"; done < <("$COST")
guard_document >"$TOP/docs/performance-guard.md"
goals_reached | awk -F'\t' '{ printf "%-20s %10s  %-8s %s\n", $1, $2, $3, $4 == "yes" ? "reached" : "MISSED" }'
