# shellcheck shell=bash disable=SC2034  # token and code are read by those who source this
# What the tests of deploy/stack.sh share (sourced, not run): a RUN_DIR of their own on free ports, one line for each behaviour.
# They work as root and as anybody else. BIN_DIR says which build.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
work=$(mktemp -d /tmp/crm-script-XXXXXX)
chmod 711 "$work" # PostgreSQL's user passes through
run=$work/run
failed=0
code=0
export BIN_DIR=${BIN_DIR:-$top/build/asan/bin}

# with VAR=value... -- ARG...: stack.sh with these settings; what it says is in $work/out, its status in $code
with() {
    local settings=()
    while [ "$1" != -- ]; do settings+=("$1") && shift; done
    shift
    env RUN_DIR="$run" PORTS=free DEMO=0 "${settings[@]}" "$top/deploy/stack.sh" "$@" >"$work/out" 2>&1 </dev/null
    code=$?
}
stack() { with -- "$@"; }

# expect TEXT COMMAND...: goes on after a failure, so that one run shows all
expect() {
    local what=$1
    shift
    if "$@"; then
        echo "ok - $what"
    else
        echo "not ok - $what"
        echo "    status $code; said:"
        tail -n 20 "$work/out" | sed 's/^/    /'
        failed=1
    fi
}

# within SECONDS COMMAND...: asks again until it is true
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.02
    done
}

says() { grep -qsE -- "$1" "$work/out"; }
says_not() { ! says "$1"; }
logged() { grep -qE -- "$1" "$run/log/stack.log"; }
ends_with() { [ "$code" = "$1" ]; }
one_line() { [ "$(grep -c . "$work/out")" = 1 ] && says "$1"; }         # nothing else was said
one_complaint() { [ "$(grep -c '^crm: ' "$work/out")" = 1 ] && says "^crm: $1"; } # after what went well

# Whatever was started for this RUN_DIR: it is in the command line, the environment or the working directory.
processes() {
    {
        grep -lsaF -f <(echo "$run") /proc/[0-9]*/cmdline /proc/[0-9]*/environ
        find /proc/[0-9]*/cwd -maxdepth 0 -lname "$run*" 2>/dev/null
    } | cut -d / -f 3 | sort -u
}
nothing_runs() { [ -z "$(processes)" ]; }
PARTS=8 # the supervisor, PostgreSQL, Redis, four services, the gateway
everything_runs() { [ "$(grep -c ' running ' "$work/out")" = $PARTS ]; }

pid_of() { cat "$run/pid/$1"; }
is_alive() { kill -0 "$1" 2>/dev/null; }
is_another() { [ "$(pid_of "$1" 2>/dev/null)" != "$2" ]; }

setting() { (. "$run/env" && eval "echo \"\$$1\""); }
answers() { curl -fsS --noproxy '*' --max-time 5 -o "$work/answer" "$@" 2>/dev/null; }
service_answers() { answers "$(setting "$1")/readyz"; }

# The administrator's token, through the gateway, in $token.
login() {
    answers --cacert "$(setting CA_CERT)" -H 'Content-Type: application/json' \
        -d "{\"username\":\"$(setting ADMIN_USERNAME)\",\"password\":\"$(setting ADMIN_PASSWORD)\"}" \
        "$(setting BASE_URL)/api/v1/auth/login" &&
        token=$(sed 's/.*"access_token":"\([^"]*\)".*/\1/' "$work/answer")
}

finish() {
    stack clean
    rm -rf "$work"
    exit "$failed"
}
trap finish EXIT
