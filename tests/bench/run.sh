#!/usr/bin/env bash
# Measures customer-service: tests/bench/run.sh CUSTOMERS. Starts a stack of its own and removes it.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TOP=$(cd "$HERE/../.." && pwd -P)
N=${1:?how many customers}

# shellcheck source=tests/bench/stack.sh
. "$HERE/stack.sh"
# shellcheck source=tests/bench/report.sh
. "$HERE/report.sh"
# shellcheck source=tests/bench/load.sh
. "$HERE/load.sh"
# shellcheck source=tests/bench/get.sh
. "$HERE/get.sh"
# shellcheck source=tests/bench/lists.sh
. "$HERE/lists.sh"

stack_start
PG_PID=$(<"$PG_PID_FILE")
SOCKETS=$(psql -XqAt "$DATABASE_ADMIN_URL" -c 'SHOW unix_socket_directories')
start_time
load
get
memory
lists
report
