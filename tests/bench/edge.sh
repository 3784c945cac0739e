#!/usr/bin/env bash
# Measures the gateway side by side with HAProxy 2.6, both before the same customer-service: tests/bench/edge.sh [PART...].
# Starts a stack of its own and removes it. The parts are latency, https, idle, slow and overload; cost comes before them, as they
# need its rates. All of them write the document, unless QUICK=1: shorter and fewer rounds.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TOP=$(cd "$HERE/../.." && pwd -P)
QUICK=${QUICK:-0}
ALL=(latency https idle slow overload)
PARTS=("${@:-${ALL[@]}}")

N=20000          # customers
ROUNDS=5         # of which the median counts
LATENCY_ROUNDS=5 # the same, of each rate
COST_S=3         # seconds of one run
LOAD=0.7         # of the machine, at which the added latency is judged
ADDRESSES=8      # that many connections come from, in turn: there is a limit for each
IDLE=10000       # connections
SLOW=1000        # slow clients of a kind
SLOW_S=15        # seconds in which others are served beside them
OVERLOAD=4000    # connections, each with a request under way at all times
[ "$QUICK" = 0 ] || ROUNDS=2 LATENCY_ROUNDS=1 COST_S=1 IDLE=2000 SLOW_S=4

# shellcheck source=tests/bench/stack.sh
. "$HERE/stack.sh"
# shellcheck source=deploy/lib/ports.sh
. "$TOP/deploy/lib/ports.sh"
HOLD=${HOLD:-$(dirname "$SEED")/hold}

# shellcheck source=tests/bench/report.sh
. "$HERE/report.sh"
# shellcheck source=tests/bench/bulk.sh
. "$HERE/bulk.sh"
# shellcheck source=tests/bench/load_customers.sh
. "$HERE/load_customers.sh"
# shellcheck source=tests/bench/driving.sh
. "$HERE/driving.sh"
# shellcheck source=tests/bench/haproxy.sh
. "$HERE/haproxy.sh"
# shellcheck source=tests/bench/edge_cost.sh
. "$HERE/edge_cost.sh"
# shellcheck source=tests/bench/edge_latency.sh
. "$HERE/edge_latency.sh"
# shellcheck source=tests/bench/edge_hold.sh
. "$HERE/edge_hold.sh"
# shellcheck source=tests/bench/edge_overload.sh
. "$HERE/edge_overload.sh"
# shellcheck source=tests/bench/edge_report.sh
. "$HERE/edge_report.sh"

# target NAME: where the load goes, and whose CPU and memory count
target() {
    case $1 in
        service) TARGET_URL=$CUSTOMER_SERVICE_URL TARGET_PID=$(<"$CUSTOMER_SERVICE_PID_FILE") ;;
        gateway) TARGET_URL=$BASE_URL TARGET_PID=$(<"$GATEWAY_PID_FILE") ;;
        haproxy) TARGET_URL=https://localhost:${PORT[verified]} TARGET_PID=$HAPROXY_PID ;;
        haproxy_trusting) TARGET_URL=https://localhost:${PORT[trusting]} TARGET_PID=$HAPROXY_PID ;;
    esac
}

ulimit -n "$(ulimit -Hn)"
ports_take < <(printf '%s 0\n' verified trusting plain shared gateway_plain)
export PLAIN_PORT=${PORT[gateway_plain]}
stack_start
load_customers
haproxy_start
target gateway && edge_check "$TARGET_URL"
target haproxy && edge_check "$TARGET_URL"
cost
for part in "${PARTS[@]}"; do "$part"; done
edge_report
