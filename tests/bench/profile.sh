#!/usr/bin/env bash
# Where the CPU time of gateway and customer-service goes: tests/bench/profile.sh
# Flame graphs of both under GETs of one customer through the gateway: .run/profile-gateway.svg, .run/profile-customer-service.svg.
# By samples (perf) where the kernel allows that, else by counted instructions (callgrind, which counts the start, too). Starts a stack of
# its own and removes it.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TOP=$(cd "$HERE/../.." && pwd -P)
N=20000      # customers
RUN_S=10
CALLERS=20   # of a function that callgrind tells apart
PARTS=(gateway customer-service)

# shellcheck source=tests/bench/stack.sh
. "$HERE/stack.sh"
# shellcheck source=tests/bench/report.sh
. "$HERE/report.sh"
# shellcheck source=tests/bench/bulk.sh
. "$HERE/bulk.sh"
# shellcheck source=tests/bench/load_customers.sh
. "$HERE/load_customers.sh"
# shellcheck source=tests/bench/driving.sh
. "$HERE/driving.sh"

pid_of() { case $1 in gateway) cat "$GATEWAY_PID_FILE" ;; *) cat "$CUSTOMER_SERVICE_PID_FILE" ;; esac; }

flame() { # flame PART WAY <folded stacks
    tr ';' '\001' | LC_ALL=C sort | tr '\001' ';' |
        awk -v title="$1, CPU by $2, GET /api/v1/customers/{customer_id}" -f "$HERE/flame.awk" >"$TOP/.run/profile-$1.svg"
    echo "$TOP/.run/profile-$1.svg"
}

perf_works() { perf record -q -g -o "$WORK/try" -- true 2>/dev/null && [ -s "$WORK/try" ]; }

by_perf() {
    local part
    stack_start
    load_customers
    drive 64 "$BASE_URL" -d 2 # caches
    drive 64 "$BASE_URL" -d $((RUN_S + 2)) &
    sleep 1
    for part in "${PARTS[@]}"; do perf record -q -F 997 -g -p "$(pid_of "$part")" -o "$WORK/$part.perf" -- sleep "$RUN_S" & done
    wait
    for part in "${PARTS[@]}"; do
        perf script -i "$WORK/$part.perf" -F comm,ip,sym,dso 2>/dev/null | awk -f "$HERE/fold_perf.awk" | flame "$part" "samples (perf)"
    done
}

# The parts run under callgrind, in place of themselves.
by_callgrind() {
    local part real
    real=$(realpath "$BIN_DIR")
    export BIN_DIR=$WORK/bin
    mkdir "$BIN_DIR"
    ln -s "$real"/* "$BIN_DIR"
    for part in "${PARTS[@]}"; do
        rm "$BIN_DIR/$part"
        printf '#!/bin/sh\nexec valgrind -q --tool=callgrind --separate-callers=%d --callgrind-out-file=%s/callgrind.%s.%%p %s/%s "$@"\n' \
            "$CALLERS" "$WORK" "$part" "$real" "$part" >"$BIN_DIR/$part"
        chmod 755 "$BIN_DIR/$part"
    done
    stack_start
    load_customers
    drive 8 "$BASE_URL" -d "$RUN_S"
    "$TOP/deploy/stack.sh" stop >/dev/null
    for part in "${PARTS[@]}"; do
        callgrind_annotate --threshold=99.9 "$WORK/callgrind.$part".* | awk -f "$HERE/fold_callgrind.awk" |
            flame "$part" "instructions (callgrind)"
    done
}

[ -d "$TOP/.run" ] || { mkdir "$TOP/.run" && : >"$TOP/.run/.crm-run"; } # the mark by which the stack knows its own
case ${PROFILE_BY:-$(perf_works && echo perf || echo callgrind)} in
    perf) by_perf ;;
    callgrind) by_callgrind ;;
    *) die "PROFILE_BY is perf or callgrind" ;;
esac
