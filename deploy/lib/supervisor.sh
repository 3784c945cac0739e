# shellcheck shell=bash disable=SC2034  # SIGNALLED and SIGNAL_STATUS are read in say.sh
# Starts the parts in order, keeps them running, ends them in the opposite order.

declare -A PART_PID=()    # of those that were started; empty while one is dead
declare -A PART_DEATHS=() # times (ms) within the last minute
declare -A PART_DUE=()    # when (ms) a dead one is started again

parts() { printf '%s\n' postgres redis && service_names && echo gateway; }

# part_become SIGNAL ARG... -- COMMAND...: turns this subshell into the part: in a session of its own, so that Ctrl-C reaches
# only us; and should we be killed, the kernel ends it with SIGNAL.
part_become() {
    local signal=$1
    shift
    exec setsid env --default-signal=INT,QUIT,PIPE setpriv --pdeathsig "$signal" "$@"
}

part_exec() {
    case $1 in
        postgres) postgres_exec ;;
        redis) redis_exec ;;
        gateway) gateway_exec ;;
        *) service_exec "$1" ;;
    esac
}

part_ready() {
    case $1 in
        postgres) postgres_ready ;;
        redis) redis_ready ;;
        gateway) http_ready "${PORT[admin]}" ;;
        *) http_ready "${PORT[$1]}" ;;
    esac
}

part_launch() {
    [ "$1" != postgres ] || postgres_prepare
    (
        exec {LOCK_FD}>&- {STDERR}>&- </dev/null >>"$RUN_DIR/log/$1.log" 2>&1
        part_exec "$1"
    ) &
    PART_PID[$1]=$!
    proc_record "$1" "$!"
}

# First start: a part that ends or is not ready in time ends the whole.
part_start() {
    local deadline
    part_launch "$1"
    now_ms
    deadline=$((REPLY + 60000))
    until part_ready "$1"; do
        if ! kill -0 "${PART_PID[$1]}" 2>/dev/null; then
            part_epitaph "$1"
            die_with_log "$1" "$1 $REPLY before it was ready"
        fi
        now_ms
        [ "$REPLY" -lt "$deadline" ] || die_with_log "$1" "$1 was not ready after 60 s"
        nap 0.03
    done
}

# How a part ended, in words. Its status can be asked for once.
part_epitaph() {
    local status=0
    wait "${PART_PID[$1]}" 2>/dev/null || status=$?
    if [ "$status" -gt 128 ]; then REPLY="was killed by SIG$(kill -l $((status - 128)))"; else REPLY="ended with status $status"; fi
}

# A minute's deaths decide: wait a little longer each time, give up after the fifth.
part_mourn() {
    local name=$1 how died deaths=()
    part_epitaph "$name" && how=$REPLY
    PART_PID[$name]=
    now_ms
    for died in ${PART_DEATHS[$name]:-}; do [ $((REPLY - died)) -ge 60000 ] || deaths+=("$died"); done
    deaths+=("$REPLY")
    PART_DEATHS[$name]=${deaths[*]}
    [ ${#deaths[@]} -le 5 ] || die_with_log "$name" "$name $how for the ${#deaths[@]}th time within a minute; all is stopped"
    PART_DUE[$name]=$((REPLY + (125 << ${#deaths[@]})))
    say "$name $how; starting it again in $((125 << ${#deaths[@]})) ms; its last lines:"
    log_tail "$name" 3
}

part_check() {
    if [ -n "${PART_PID[$1]}" ]; then
        kill -0 "${PART_PID[$1]}" 2>/dev/null || part_mourn "$1"
        return 0
    fi
    now_ms
    [ "$REPLY" -ge "${PART_DUE[$1]}" ] || return 0
    part_launch "$1"
    say "$1 started again (pid ${PART_PID[$1]})"
}

supervise() {
    local name names
    SIGNAL_STATUS=0
    exec 2>/dev/null # the shell has its own words for a killed job; ours go to STDERR
    mapfile -t names < <(parts)
    while nap 0.2; do
        rundir_exists || abandon
        for name in "${names[@]}"; do part_check "$name"; done
    done
}

# --- the end -------------------------------------------------------------------------------------------------------------

part_end() {
    case $1 in
        postgres) proc_end postgres 10 INT QUIT KILL ;;
        *) proc_end "$1" 8 TERM KILL ;;
    esac
}

# Those recorded, so that this also ends what a killed predecessor left: the gateway, the services, what they need.
parts_end() {
    local file name middle=()
    for file in "$RUN_DIR"/pid/*.birth; do
        name=$(basename "$file" .birth)
        case $name in '*' | supervisor | gateway | redis | postgres) ;; *) middle+=("$name") ;; esac
    done
    for name in gateway "${middle[@]}" redis postgres; do part_end "$name"; done
}

leftovers_end() {
    local file
    for file in "$RUN_DIR"/pid/*.birth; do
        if [[ $file != */supervisor.birth ]] && proc_find "$(basename "$file" .birth)"; then
            say "ending what an earlier start left behind"
            break
        fi
    done
    parts_end
}

# RUN_DIR was removed under us: nothing to keep, nowhere to write.
abandon() {
    local name
    trap - EXIT
    for name in "${!PART_PID[@]}"; do kill "${PART_PID[$name]}" 2>/dev/null || true; done
    die "$RUN_DIR is gone; all is stopped"
}

supervisor_exit() {
    local status=$?
    trap '' INT TERM HUP
    trap - EXIT
    SIGNALLED=
    set +e
    [ -z "$STEP_OPEN" ] || say 'interrupted'
    rm -f "$RUN_DIR/env"
    [ ${#PART_PID[@]} = 0 ] || say "stopping"
    parts_end
    [ ${#PART_PID[@]} = 0 ] || say "stopped; the data is kept (make clean removes it)"
    proc_forget supervisor
    exit "$status"
}

# Holds the lock for life; the kernel frees it however we end.
supervisor_begin() {
    exec {LOCK_FD}>"$RUN_DIR/lock"
    flock -n "$LOCK_FD" || die "already running$(proc_find supervisor && echo " (pid $REPLY)"): make stop ends it"
    trap supervisor_exit EXIT
    trap 'SIGNALLED=1' INT TERM HUP
    trap '' PIPE
    proc_record supervisor $$
}
