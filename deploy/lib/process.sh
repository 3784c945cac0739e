# shellcheck shell=bash
# Processes that we started. A pid alone proves nothing after a crash or a reboot, so each is recorded with its start time
# and the boot it belongs to; only a process that still matches is ever signalled.
#   $RUN_DIR/pid/<name>         the pid, for everybody
#   $RUN_DIR/pid/<name>.birth   start time and boot, for us

read -r BOOT_ID </proc/sys/kernel/random/boot_id

# Start time of a live process, in ticks since boot; fails when there is none (a zombie is none).
proc_birth() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -ra stat <<<"${stat##*) }"
    [ "${stat[0]}" != Z ] || return 1
    REPLY=${stat[19]}
}

proc_record() {
    proc_birth "$2" || return 0
    printf '%s %s\n' "$REPLY" "$BOOT_ID" >"$RUN_DIR/pid/$1.birth"
    printf '%s\n' "$2" >"$RUN_DIR/pid/$1"
}

proc_forget() { rm -f "$RUN_DIR/pid/$1" "$RUN_DIR/pid/$1.birth"; }

# The pid in REPLY when what was recorded under this name is alive.
proc_find() {
    local pid birth boot
    { read -r pid <"$RUN_DIR/pid/$1" && read -r birth boot <"$RUN_DIR/pid/$1.birth"; } 2>/dev/null || return 1
    [ "$boot" = "$BOOT_ID" ] && proc_birth "$pid" && [ "$REPLY" = "$birth" ] || return 1
    REPLY=$pid
}

# proc_wait_end NAME SECONDS: fails when it is still there afterwards.
proc_wait_end() {
    local deadline
    now_ms
    deadline=$((REPLY + $2 * 1000))
    while proc_find "$1"; do
        now_ms
        [ "$REPLY" -lt "$deadline" ] || return 1
        nap 0.02
    done
}

# proc_end NAME SECONDS SIGNAL...: each signal in turn, with that much time to obey.
proc_end() {
    local name=$1 seconds=$2 signal
    shift 2
    for signal in "$@"; do
        proc_find "$name" || break
        kill -s "$signal" "$REPLY" 2>/dev/null || true
        kill -s CONT "$REPLY" 2>/dev/null || true # a frozen one hears nothing
        proc_wait_end "$name" "$seconds" && break
    done
    proc_forget "$name"
}
