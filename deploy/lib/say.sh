# shellcheck shell=bash
# What the user sees: one line a step with its time, one line for a failure; and the logs behind it.

STEP_OPEN=
SIGNALLED=        # a signal asked us to stop
SIGNAL_STATUS=130 # what we exit with then: interrupted, or 0 once all runs
exec {STDERR}>&2

say() { printf '%s\n' "$*" || true; }

die() {
    signal_check
    [ -z "$STEP_OPEN" ] || say 'failed'
    STEP_OPEN=
    printf 'crm: %s\n' "$*" >&"$STDERR" || true
    exit 1
}

# die_with_log PART MESSAGE: the end of the part's log says why.
die_with_log() {
    signal_check
    [ -z "$STEP_OPEN" ] || say 'failed'
    STEP_OPEN=
    log_tail "$1" 10 >&"$STDERR"
    die "$2; all of its log: $RUN_DIR/log/$1.log"
}

log_tail() { tail -n "$2" "$RUN_DIR/log/$1.log" 2>/dev/null | sed 's/^/    /' || true; }

now_ms() { local t=${EPOCHREALTIME/[.,]/}; REPLY=$((t / 1000)); }

# Logs grow at most to this between starts.
LOG_MAX=$((50 * 1024 * 1024))
log_rotate() {
    local file
    for file in "$RUN_DIR"/log/*.log; do
        [ -e "$file" ] && [ "$(stat -c %s "$file")" -gt "$LOG_MAX" ] && mv -f "$file" "$file.1"
    done
    return 0
}

# step TEXT COMMAND...: not in a condition, so that errexit holds inside COMMAND.
step() {
    local text=$1 begun
    shift
    now_ms && begun=$REPLY
    printf '  %-46s' "$text" || true
    STEP_OPEN=1
    "$@"
    signal_check
    STEP_OPEN=
    now_ms
    printf '%3d.%02d s\n' $(((REPLY - begun) / 1000)) $(((REPLY - begun) % 1000 / 10)) || true
}

# 'text' as one word of a POSIX shell
shell_quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

# A signal only leaves word; we end where nothing is half done. (bash 5.2 aborts when a trap exits from within `read`.)
signal_check() { [ -z "$SIGNALLED" ] || exit "$SIGNAL_STATUS"; }

# Sleeps without starting a process.
exec {NAP_FD}<> <(:)
nap() {
    read -rt "$1" -u "$NAP_FD" || true
    signal_check
}
