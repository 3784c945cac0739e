#!/usr/bin/env bash
# What goes wrong with deploy/stack.sh and deploy/bootstrap.sh gives one clear line: issue 2, Two commands; docs/operations.md.
set -u
# shellcheck source=tests/system/stack_check.sh
. "$(dirname "$0")/stack_check.sh"

# --- before anything starts ------------------------------------------------------------------------------------------------

not_built() {
    with BIN_DIR="$work/nothing" -- start
    expect "without a build it says what to do, in one line" one_line "^crm: $work/nothing/auth-service is missing: make all$"
    expect "and fails" ends_with 1
}

missing_tool() {
    mkdir "$work/bin"
    ln -s /usr/sbin/* /usr/bin/* /sbin/* /bin/* "$work/bin" 2>/dev/null
    rm "$work/bin/redis-server"
    with PATH="$work/bin" -- start
    expect "a missing program is named, and what installs it, in one line" \
        one_line "^crm: redis-server is missing: deploy/bootstrap.sh installs what is needed$"
}

# As somebody who is neither root nor may use sudo.
bootstrap() {
    local become=()
    [ "$EUID" != 0 ] || become=(setpriv --reuid=nobody --regid=nogroup --clear-groups --)
    "${become[@]}" env PATH="$work/sudoless:$PATH" bash "$work/tree/deploy/bootstrap.sh" "$@" >"$work/out" 2>&1 </dev/null
    code=$?
}

missing_package() {
    mkdir -m 755 "$work/tree" "$work/sudoless"
    cp -r "$top/deploy" "$work/tree"
    printf '#!/bin/sh\nexit 1\n' >"$work/sudoless/sudo"
    printf 'no-such-package-at-all  # for this test\n' >"$work/tree/more.txt"
    chmod -R a+rX "$work/tree" && chmod 755 "$work/sudoless/sudo"
    bootstrap
    expect "bootstrap says and does nothing when all is there" test "$code" = 0 -a ! -s "$work/out"
    bootstrap "$work/tree/more.txt"
    expect "a missing package is named with the command that installs it, in one line" \
        one_line "^bootstrap: needs root; run: apt-get update && apt-get install --no-install-recommends no-such-package-at-all$"
    expect "and bootstrap fails" ends_with 1
}

foreign_directory() {
    mkdir "$run" && echo mine >"$run/file"
    stack start
    expect "a directory with somebody's files is not taken" one_line "^crm: $run is not empty and not ours: choose another RUN_DIR$"
    stack clean
    expect "nor removed by clean" one_line "^crm: $run is not ours: not removed$"
    expect "its files are untouched" grep -qx mine "$run/file"
    rm -r "$run"
}

# Somebody listens on the gateway's port: Redis here, unless it is taken anyway.
port_in_use() {
    local other
    redis-server --port 8443 --bind 127.0.0.1 --save '' --dir "$work" >/dev/null 2>&1 &
    other=$!
    within 10 redis-cli -p 8443 ping >/dev/null 2>&1
    with PORTS=fixed -- start
    expect "a port in use is one line: which, whose, what to do" \
        one_complaint "port [0-9]+ \([a-z-]+\) is in use by .+: end it, or use PORTS=free$"
    expect "the start fails" ends_with 1
    expect "nothing is left running" nothing_runs
    kill "$other" 2>/dev/null
    wait "$other"
}

# --- crashes ---------------------------------------------------------------------------------------------------------------

part_that_cannot_start() {
    mkdir "$work/broken"
    ln -s "$BIN_DIR"/* "$work/broken"
    rm "$work/broken/customer-service"
    printf '#!/bin/sh\n[ "$1" != rotate-data-keys ] || exit 0\necho "the reason, for this test"\nexit 3\n' >"$work/broken/customer-service"
    chmod 755 "$work/broken/customer-service"
    with BIN_DIR="$work/broken" -- start
    expect "a part that ends at the start ends the whole, with one line" \
        one_complaint "customer-service ended with status 3 before it was ready; all of its log: $run/log/customer-service.log$"
    expect "and the tail of its log" says "^    the reason, for this test$"
    expect "the start fails" ends_with 1
    expect "nothing is left running" nothing_runs
}

# As after a power cut: nobody tidied up, and the recorded pids belong to others by now (here: to this script).
stale_locks() {
    local file name
    stack start
    expect "it starts" ends_with 0
    # shellcheck disable=SC2046 # pids
    kill -KILL $(processes)
    expect "all is killed at once" within 10 nothing_runs
    for file in "$run"/pid/*; do [[ $file == *.birth ]] || echo $$ >"$file"; done
    name=$(find "$run" -name PG_VERSION -path '*/data/PG_VERSION')
    printf '%s\n%s\n' $$ "$(dirname "$name")" >"$(dirname "$name")/postmaster.pid"
    stack status
    expect "status is not fooled by old pids" test "$(grep -c ' stopped$' "$work/out")" = "$PARTS"
    stack start
    expect "it starts over stale locks and pids" ends_with 0
    expect "the data came back" service_answers CUSTOMER_SERVICE_URL
}

supervisor_killed() {
    kill -KILL "$(pid_of supervisor)"
    expect "without the supervisor its parts end by themselves" within 20 nothing_runs
    stack stop
    expect "stop then tidies up" one_line "^not running$"
    expect "env is gone" test ! -e "$run/env"
    stack start
    expect "the next start is an ordinary one" ends_with 0
}

# Five deaths within a minute are forgiven, the sixth is not.
part_that_dies_again_and_again() {
    local old i
    for i in 1 2 3 4 5 6; do
        within 20 redis_is_up
        old=$(pid_of redis)
        kill -KILL "$old" 2>/dev/null
        [ "$i" = 6 ] || within 20 is_another redis "$old"
    done
    expect "a part that dies for the sixth time within a minute stops everything" within 30 nothing_runs
    expect "one line says so" logged \
        "^crm: redis was killed by SIGKILL for the 6th time within a minute; all is stopped; all of its log: .*/redis.log$"
    expect "after the tail of its log" ends_in_tail
    expect "env is gone" test ! -e "$run/env"
}
ends_in_tail() { grep -B 1 'for the 6th time' "$run/log/stack.log" | head -n 1 | grep -q '^    .* ready to accept connections'; }
redis_is_up() { [ "$(redis-cli -s "$(setting REDIS_SOCKET)" ping 2>/dev/null)" = PONG ]; }

directory_removed() {
    stack start
    expect "it starts again afterwards" ends_with 0
    rm -rf "$run"
    expect "when its directory is removed under it, everything ends" within 20 nothing_runs
    stack start
    expect "and a new start begins from nothing" test "$code" = 0 -a -e "$run/env"
}

not_built
missing_tool
missing_package
foreign_directory
port_in_use
part_that_cannot_start
stale_locks
supervisor_killed
part_that_dies_again_and_again
directory_removed
