#!/usr/bin/env bash
# Measures the product side by side with its peers: tests/bench/bench.sh. QUICK=1: less of everything, and no document.
# The gateway beside nginx and HAProxy; customer-service beside pgbench and a Fastify service; lists as the data grows; what the
# requirement document asks for. Starts a stack of its own and removes it.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TOP=$(cd "$HERE/../.." && pwd -P)
QUICK=${QUICK:-0}
SIZES=(10000 100000 1000000) # customers; the peers are measured at the second
ROUNDS=3                     # of which the median counts
RUN_S=1                      # seconds of one run
BEST_S=2                     # the same, beside pgbench
WARM_S=4                     # the same, until V8 has compiled what is hot
CURVE_S=1                    # the same, of one of a plot
PROMISE_S=12                 # the same, of the required load
[ "$QUICK" = 0 ] || SIZES=(2000 8000) ROUNDS=1 RUN_S=0.5 BEST_S=1 WARM_S=2 PROMISE_S=3 REPEATS=10

# shellcheck source=tests/bench/stack.sh
. "$HERE/stack.sh"
# shellcheck source=deploy/lib/ports.sh
. "$TOP/deploy/lib/ports.sh"
# shellcheck source=tests/bench/report.sh
. "$HERE/report.sh"
# shellcheck source=tests/bench/driving.sh
. "$HERE/driving.sh"
# shellcheck source=tests/bench/footprint.sh
. "$HERE/footprint.sh"
# shellcheck source=tests/bench/bulk.sh
. "$HERE/bulk.sh"
# shellcheck source=tests/bench/load_customers.sh
. "$HERE/load_customers.sh"
# shellcheck source=tests/bench/load_orders.sh
. "$HERE/load_orders.sh"
# shellcheck source=tests/bench/load_opportunities.sh
. "$HERE/load_opportunities.sh"
# shellcheck source=tests/bench/load_leads.sh
. "$HERE/load_leads.sh"
# shellcheck source=tests/bench/load_auth.sh
. "$HERE/load_auth.sh"
# shellcheck source=tests/bench/lists.sh
. "$HERE/lists.sh"
# shellcheck source=tests/bench/customer_lists.sh
. "$HERE/customer_lists.sh"
# shellcheck source=tests/bench/contact_lists.sh
. "$HERE/contact_lists.sh"
# shellcheck source=tests/bench/order_lists.sh
. "$HERE/order_lists.sh"
# shellcheck source=tests/bench/opportunity_lists.sh
. "$HERE/opportunity_lists.sh"
# shellcheck source=tests/bench/lead_lists.sh
. "$HERE/lead_lists.sh"
# shellcheck source=tests/bench/activity_lists.sh
. "$HERE/activity_lists.sh"
# shellcheck source=tests/bench/quote_lists.sh
. "$HERE/quote_lists.sh"
# shellcheck source=tests/bench/auth_lists.sh
. "$HERE/auth_lists.sh"
# shellcheck source=tests/bench/replica.sh
. "$HERE/replica.sh"
# shellcheck source=tests/bench/haproxy.sh
. "$HERE/haproxy.sh"
# shellcheck source=tests/bench/peers.sh
. "$HERE/peers.sh"
# shellcheck source=tests/bench/measure.sh
. "$HERE/measure.sh"
# shellcheck source=tests/bench/beside_gateway.sh
. "$HERE/beside_gateway.sh"
# shellcheck source=tests/bench/beside_service.sh
. "$HERE/beside_service.sh"
# shellcheck source=tests/bench/sizes.sh
. "$HERE/sizes.sh"
# shellcheck source=tests/bench/promise.sh
. "$HERE/promise.sh"
# shellcheck source=tests/bench/bench_report.sh
. "$HERE/bench_report.sh"

ports_take < <(printf '%s 0\n' verified trusting plain shared nginx fastify unaudited unaudited_admin gateway_plain)
export PLAIN_PORT=${PORT[gateway_plain]}
stack_start
PG_PID=$(<"$PG_PID_FILE")
SOCKETS=$(psql -XqAt "$DATABASE_ADMIN_URL" -c 'SHOW unix_socket_directories')
start_time
size "${SIZES[0]}"
size "${SIZES[1]}"
beside_gateway
beside_service
memory
peers_end
[ "${#SIZES[@]}" -lt 3 ] || size "${SIZES[2]}"
promise
bench_report
