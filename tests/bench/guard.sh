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
DENIALS=5000 # a second, each with a record
RECORDS=6500 # the same, where all that is answered is counted
DENIALS_S=10
COST=${COST:-$TOP/build/release/tests/bench/cost}

# shellcheck source=tests/bench/stack.sh
. "$HERE/stack.sh"
# shellcheck source=deploy/lib/ports.sh
. "$TOP/deploy/lib/ports.sh"
# shellcheck source=tests/bench/report.sh
. "$HERE/report.sh"
# shellcheck source=tests/bench/bulk.sh
. "$HERE/bulk.sh"
# shellcheck source=tests/bench/load_customers.sh
. "$HERE/load_customers.sh"
# shellcheck source=tests/bench/driving.sh
. "$HERE/driving.sh"

# shellcheck source=tests/bench/replica.sh
. "$HERE/replica.sh"

# cost_of NAME FIGURE TOKEN [OPTION...]: CPU of a request through it
cost_of() {
    local before after name=$1 figure=$2 token=$3
    shift 3
    before=$(ticks "${PID[$name]}")
    timeout 60 "$DRIVE" -j -c 32 -d "$RUN_S" "$@" -t "$token" -i "$WORK/ids" "${URL[$name]}/api/v1/customers/{id}" >"$WORK/drive" || true
    after=$(ticks "${PID[$name]}")
    awk -v t=$((after - before)) -v n="$(figure requests)" 'BEGIN { printf "%.2f\n", t * 10000 / n }' >>"$WORK/cost.$figure"
}

# added A B: of their rounds
added() { paste "$WORK/cost.$1" "$WORK/cost.$2" | awk '{ printf "%.2f\n", $1 - $2 }' | median; }

# Denied requests are the cheapest that leave a record. They come at a rate, so that both gateways do the same work.
costs() {
    local round name
    echo "no.token.at-all" >"$WORK/bad"
    for name in bare limits; do drive 32 "${URL[$name]}" -d 2; done
    for ((round = 0; round < ROUNDS; round++)); do
        cost_of bare read_bare "$WORK/token"
        cost_of limits read_limits "$WORK/token"
        cost_of bare denial_bare "$WORK/bad" -p -r "$DENIALS"
        cost_of audit denial_audit "$WORK/bad" -p -r "$DENIALS"
    done
    for name in read_bare read_limits denial_bare denial_audit; do result "${name}_cpu_us" "$(median <"$WORK/cost.$name")"; done
    result limiter_added_us "$(added read_limits read_bare)"
    result audit_added_us "$(added denial_audit denial_bare)"
}

stored() { PGOPTIONS='-c search_path=auth' psql -XqAt "$DATABASE_ADMIN_URL" -c "SELECT count(*) FROM audit_records WHERE status = 401"; }

# All that is answered in a run, until the last of it is in the table.
records() {
    local begun before answered now
    sleep 2 # what is on its way
    before=$(stored) begun=$(date +%s%N)
    timeout 60 "$DRIVE" -j -c 64 -d "$DENIALS_S" -p -r "$RECORDS" -t "$WORK/bad" -i "$WORK/ids" "${URL[audit]}/api/v1/customers/{id}" >"$WORK/drive" || true
    answered=$(figure requests)
    for ((;;)); do
        now=$(stored)
        [ $((now - before)) -lt "$answered" ] && [ $(($(date +%s%N) - begun)) -lt 60000000000 ] || break
        sleep 0.1
    done
    result records_answered "$answered"
    result records_missing $((answered - now + before))
    result records_per_second "$(awk -v n="$answered" -v t=$(($(date +%s%N) - begun)) 'BEGIN { printf "%.0f", n * 1e9 / t }')"
}

goals() {
    cat <<TABLE
limiter_added_us   <= 10
audit_added_us     <= 10
records_missing    <= 0
records_per_second >= 5000
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
- **audit_added_us**: CPU of the gateway for a request with a bad token, which is answered when its record is on the disk, less that without
  records; $DENIALS a second, at random (Poisson), in turns. In it are JSON, the write, its share of an fsync and of the way to auth-service. At
  some requests a second, where each has an fsync of its own, a record costs what that does.
- **records**: $RECORDS such requests a second for $DENIALS_S s; the rate is of all that were answered, until the last of them is in auth-service's
  table, chained, the half second in which the last file is filled included.
- **cidr_us**: a look-up in a list of 100,000 prefixes, in a loop.
DOC
}

stack_start
load_customers
ports_take < <(printf '%s 0\n' bare bare_admin limits limits_admin audit audit_admin)
unlimited=(RATE_USER=none RATE_CLIENT=none RATE_ADDRESS=none RATE_LOGIN=none RATE_REPORT=none)
gateway bare "${unlimited[@]}" AUDIT_FOLDER=
gateway limits RATE_USER=1000000/s RATE_READ=1000000/s AUDIT_FOLDER=
gateway audit "${unlimited[@]}" AUDIT_FOLDER="$WORK/audit"
costs
records
while read -r name us; do [ "$name" != cidr_us ] || result cidr_us "$us"; done < <("$COST")
guard_document >"$TOP/docs/performance-guard.md"
goals_reached | awk -F'\t' '{ printf "%-20s %10s  %-8s %s\n", $1, $2, $3, $4 == "yes" ? "reached" : "MISSED" }'
