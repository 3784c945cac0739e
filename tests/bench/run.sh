#!/usr/bin/env bash
# Measures customer-service: tests/bench/run.sh CUSTOMERS. Starts a stack of its own and removes it.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TOP=$(cd "$HERE/../.." && pwd -P)
N=${1:?how many customers}
PGBIN=/usr/lib/postgresql/15/bin
WORK=$(mktemp -d)
export RUN_DIR=$WORK/run PORTS=free DEMO=0 BIN_DIR=${BIN_DIR:-$TOP/build/release/bin}
SEED=${SEED:-$TOP/build/release/tests/bench/seed}
DRIVE=${DRIVE:-$(dirname "$SEED")/drive}

# shellcheck source=tests/bench/report.sh
. "$HERE/report.sh"
# shellcheck source=tests/bench/load.sh
. "$HERE/load.sh"
# shellcheck source=tests/bench/get.sh
. "$HERE/get.sh"
# shellcheck source=tests/bench/lists.sh
. "$HERE/lists.sh"

STARTED=
cleanup() {
    [ -z "$STARTED" ] || kill "$STARTED" 2>/dev/null || true
    "$TOP/deploy/stack.sh" clean >/dev/null 2>&1 || true
    rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

login() {
    curl -sSf --max-time 30 -H 'Content-Type: application/json' -d "{\"username\":\"$ADMIN_USERNAME\",\"password\":\"$ADMIN_PASSWORD\"}" \
        "$AUTH_SERVICE_URL/api/v1/auth/login" | sed 's/.*"access_token":"\([^"]*\)".*/\1/' >"$WORK/token"
}

chmod 755 "$WORK"
"$TOP/deploy/stack.sh" start >"$WORK/stack.log" 2>&1 || { cat "$WORK/stack.log"; exit 1; }
# shellcheck source=/dev/null
. "$RUN_DIR/env"
PG_PID=$(<"$PG_PID_FILE")
SOCKETS=$(psql -XqAt "$DATABASE_ADMIN_URL" -c 'SHOW unix_socket_directories')
login
start_time
load
get
memory
lists
report
