# shellcheck shell=bash disable=SC2034  # PGBIN and DRIVE are for the others
# A stack of our own in $WORK, which is gone at the end, with everything that was started.

PGBIN=/usr/lib/postgresql/15/bin
WORK=$(mktemp -d)
PATH=$PATH:/usr/sbin # haproxy, nginx
export RUN_DIR=$WORK/run PORTS=free DEMO=0 BIN_DIR=${BIN_DIR:-$TOP/build/release/bin}
export RATE_USER=1000000/s RATE_CLIENT=1000000/s RATE_ADDRESS=1000000/s RATE_LOGIN=1000000/s RATE_REPORT=1000000/s
SEED=${SEED:-$TOP/build/release/tests/bench/seed}
DRIVE=${DRIVE:-$(dirname "$SEED")/drive}

die() { echo "bench: $*" >&2; exit 1; }

cleanup() {
    jobs -p | xargs -r kill 2>/dev/null || true
    "$TOP/deploy/stack.sh" clean >/dev/null 2>&1 || true
    rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

login() {
    curl -sSf --max-time 30 -H 'Content-Type: application/json' -d "{\"username\":\"$ADMIN_USERNAME\",\"password\":\"$ADMIN_PASSWORD\"}" \
        "$AUTH_SERVICE_URL/api/v1/auth/login" | sed 's/.*"access_token":"\([^"]*\)".*/\1/' >"$WORK/token"
}

stack_start() {
    chmod 755 "$WORK"
    "$TOP/deploy/stack.sh" start >"$WORK/stack.log" 2>&1 || { cat "$WORK/stack.log"; exit 1; }
    # shellcheck source=/dev/null
    . "$RUN_DIR/env"
    login
}
