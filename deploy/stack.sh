#!/usr/bin/env bash
# The whole system on one machine: PostgreSQL, Redis, the services and the gateway, private to RUN_DIR.
#   stack.sh run       in the foreground; Ctrl-C stops everything
#   stack.sh start     in the background; returns when all is ready
#   stack.sh stop      ends it; the data is kept
#   stack.sh status    a line for each part
#   stack.sh migrate   applies new migrations to what is running
#   stack.sh env       shell assignments of what is running (BASE_URL, CA_CERT, ...)
#   stack.sh clean     stops, and removes the data
# Settings: RUN_DIR (.run)  BIN_DIR (build/release/bin)  PORTS=fixed|free  DEMO=1|0  WORKERS  LOG_LEVEL
set -Eeuo pipefail
shopt -s lastpipe
umask 077
trap 'echo "crm: ${BASH_SOURCE[0]##*/}:$LINENO: failed: $BASH_COMMAND" >&"${STDERR:-2}"' ERR

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
RUN_DIR=${RUN_DIR:-$TOP/.run}
BIN_DIR=$(realpath -m -- "${BIN_DIR:-$TOP/build/release/bin}")
PORTS=${PORTS:-fixed}
DEMO=${DEMO:-1}

# Nothing of the caller's PostgreSQL settings or language may reach ours.
while read -r name; do unset "$name"; done < <(compgen -e PG || true)
export LC_ALL=C.UTF-8

for file in say process rundir secrets ports certs postgres redis migrations services supervisor envfile greeting demo; do
    # shellcheck source=/dev/null
    . "$TOP/deploy/lib/$file.sh"
done

preflight() {
    local tool
    for tool in "$PG_BIN/initdb" psql redis-server redis-cli openssl curl setpriv flock; do
        command -v "$tool" >/dev/null || die "$(basename "$tool") is missing: deploy/bootstrap.sh installs what is needed"
    done
    services_check_built
}

boot() {
    local name
    preflight
    rundir_make
    supervisor_begin
    leftovers_end
    rm -f "$RUN_DIR/env"
    log_rotate
    ports_take < <(service_ports)

    say "Starting in $RUN_DIR"
    step "certificate" tls_make
    step "database cluster" postgres_init
    postgres_configure
    redis_configure
    step "PostgreSQL" part_start postgres
    step "Redis" part_start redis
    step "database roles and schemas" postgres_provision
    step "migrations" migrations_run
    step "clients" clients_create
    step "data keys" data_keys_apply
    step "administrator" admin_create
    for name in $(service_names) gateway; do step "$name" part_start "$name"; done
    [ "$DEMO" = 0 ] || step "demo data" demo_load
    env_write
}

run() {
    boot
    greeting
    say "Running; Ctrl-C stops everything."
    supervise
}

# --- in the background ---------------------------------------------------------------------------------------------------

# Shows what has been added to a log, the unfinished last line too.
log_show_new() {
    local line
    while IFS= read -ru "$1" line; do say "$line"; done
    printf '%s' "$line" || true
}

start_follow() {
    local log
    exec {log}<"$RUN_DIR/log/stack.log"
    while proc_birth "$1" && [ ! -e "$RUN_DIR/env" ]; do
        log_show_new "$log"
        nap 0.05
    done
    log_show_new "$log"
    [ -e "$RUN_DIR/env" ] || exit 1
}

start() {
    preflight
    rundir_make
    if proc_find supervisor; then
        say "already running (pid $REPLY)"
    else
        rm -f "$RUN_DIR/env"
        [ ! -e "$RUN_DIR/log/stack.log" ] || mv -f "$RUN_DIR/log/stack.log" "$RUN_DIR/log/stack.log.1"
        touch "$RUN_DIR/log/stack.log"
        RUN_DIR=$RUN_DIR setsid "$TOP/deploy/stack.sh" background {STDERR}>&- </dev/null >>"$RUN_DIR/log/stack.log" 2>&1 &
        REPLY=$!
    fi
    start_follow "$REPLY"
    greeting
}

background() {
    boot
    supervise
}

# Fails when nothing ran.
supervisor_stop() {
    if proc_find supervisor; then
        kill "$REPLY" 2>/dev/null || true
        proc_wait_end supervisor 60 || die "the supervisor (pid $REPLY) does not stop"
        return 0
    fi
    if rundir_exists; then
        leftovers_end
        rm -f "$RUN_DIR/env"
    fi
    return 1
}

stop() { if supervisor_stop; then say "stopped; the data is kept (make clean removes it)"; else say "not running"; fi; }

# --- what there is -------------------------------------------------------------------------------------------------------

status() {
    local name all=0
    while read -r name; do
        if proc_find "$name"; then
            printf '%-20s running  pid %-7s since %s\n' "$name" "$REPLY" "$(stat -c %y "$RUN_DIR/pid/$name" | cut -c1-19)"
        else
            printf '%-20s stopped\n' "$name"
            all=3
        fi
    done < <(echo supervisor && parts)
    exit $all
}

running() {
    proc_find supervisor && [ -e "$RUN_DIR/env" ] && return
    die "not running: make run or make start"
}

migrate() {
    running
    migrations_run
    data_keys_apply
}

env_show() {
    running
    cat "$RUN_DIR/env"
}

clean() {
    supervisor_stop || true
    [ -e "$RUN_DIR" ] || return 0
    rundir_remove
    say "removed $RUN_DIR"
}

rundir_locate
case ${1:-} in
    run | start | background | stop | status | migrate | clean) "$1" ;;
    env) env_show ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
        exit 2
        ;;
esac
