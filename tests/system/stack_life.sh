#!/usr/bin/env bash
# An ordinary day of deploy/stack.sh, which is what make run, start, status, stop and clean call: issue 2, Two commands; README.
set -u
# shellcheck source=tests/system/stack_check.sh
. "$(dirname "$0")/stack_check.sh"

# The three lines at the end, as they are, into a shell that knows nothing.
paste_lines() {
    grep -E '^(TOKEN=\$\(curl|curl) ' "$work/out" >"$work/lines"
    [ "$(wc -l <"$work/lines")" = 3 ] && (cd / && env -i PATH="$PATH" sh "$work/lines" >"$work/answers" 2>&1)
}

answers_hold() { grep -qF "$1" "$work/answers"; }

# customers_are TOTAL [KEYWORD]
customers_are() {
    login && answers -G --cacert "$(setting CA_CERT)" -H "Authorization: Bearer $token" ${2:+--data-urlencode "keyword=$2"} \
        "$(setting BASE_URL)/api/v1/customers" && grep -qF "\"total\":$1," "$work/answer"
}

first_start() {
    with DEMO=1 -- start
    expect "the first start succeeds" ends_with 0
    expect "it shows its progress, a line with its time for each step" test "$(grep -cE '^  .* [0-9]+\.[0-9][0-9] s$' "$work/out")" -ge 11
    expect "it ends with the URL" says "^  URL +https://localhost:[0-9]+$"
    password=$(cat "$run/secrets/admin_password")
    expect "it prints the login with a random password" says "^  Login +admin / $password "
    expect "three curl lines work when pasted" paste_lines
    expect "the first two log in and show some of the demo customers" answers_hold '"total":400,'
    expect "the third creates a customer" answers_hold '"customer_name":"北京示例医药有限公司"'
    expect "the demo data has several industries and regions, and contacts" demo_is_realistic
    expect "the log of the start does not hold the password" test "$(grep -rlF "$password" "$run/log" | grep -vc 'stack[.]log')" = 0
}

demo_is_realistic() {
    psql -XAtq "$(setting CUSTOMER_SERVICE_DATABASE_URL)" -c "SELECT count(DISTINCT industry_id) >= 5 AND count(DISTINCT region_id) >= 5
        AND count(primary_contact_id) >= 200 AND (SELECT count(*) FROM contacts) >= 400 FROM customers" | grep -qx t
}

env_file() {
    local name
    for name in BASE_URL CA_CERT ADMIN_USERNAME ADMIN_PASSWORD AUTH_SERVICE_URL CUSTOMER_SERVICE_URL; do
        expect "while it runs, env holds $name" test -n "$(env -i sh -c ". '$run/env'; echo \"\$$name\"" 2>/dev/null)"
    done
    expect "a script can log in with it" login
    expect "its service URLs answer" service_answers CUSTOMER_SERVICE_URL
    expect "nobody else may read it, nor the secrets" test -z "$(find "$run/env" "$run/secrets" -type f -perm /077)"
    stack env
    expect "stack.sh env prints the same" cmp -s "$work/out" "$run/env"
}

while_it_runs() {
    stack status
    expect "status names every part, its pid and since when it runs" everything_runs
    expect "status is good while all runs" ends_with 0
    expect "each part is a process of ours" test "$(processes | wc -l)" -ge 6
    stack start
    expect "a second start says that it runs already" says "^already running \(pid $(pid_of supervisor)\)$"
    expect "and where, but not the password again" says_not "$password"
    stack run
    expect "run beside it is refused in one line" one_line "^crm: already running \(pid $(pid_of supervisor)\): make stop ends it$"
    stack migrate
    expect "migrations can be applied to what runs" ends_with 0
}

# A crash of a part: it is started again, and the log says so in one line.
part_that_dies() {
    local part old
    for part in redis customer-service gateway; do
        old=$(pid_of $part)
        kill -KILL "$old"
        expect "$part is started again when it dies" within 10 is_another $part "$old"
        expect "and one line says how it ended" logged "^$part was killed by SIGKILL; starting it again in [0-9]+ ms"
    done
    expect "all is well again" within 10 customers_are 401
}

stop_keeps_the_data() {
    stack stop
    expect "stop succeeds and says that the data is kept" says "^stopped; the data is kept"
    expect "stop leaves no process" nothing_runs
    expect "env is there only while it runs" test ! -e "$run/env"
    stack status
    expect "status tells that all is stopped" test "$(grep -c ' stopped$' "$work/out")" = "$PARTS"
    expect "and is not good" ends_with 3
    stack stop
    expect "stop when nothing runs says so" one_line "^not running$"
    stack env
    expect "there is no env then" one_line "^crm: not running: make run or make start$"

    local begun=$SECONDS
    with DEMO=1 -- start
    expect "the second start succeeds" ends_with 0
    expect "it takes seconds" test $((SECONDS - begun)) -le 15
    expect "it does not print the password" says_not "$password"
    expect "the password is the same" test "$(cat "$run/secrets/admin_password")" = "$password"
    expect "the customer is still there, once" customers_are 1 北京示例医药有限公司
    expect "the demo data was not loaded twice" customers_are 401
    stack stop
}

# As on a machine of so many CPUs: each has connections to PostgreSQL of its own.
many_threads() {
    with WORKERS=12 -- start
    expect "it starts with twelve threads" ends_with 0
    expect "and all have their connections" service_answers ORDER_SERVICE_URL
    stack stop
}

# run in the foreground, as a terminal has it: Ctrl-C goes to the whole group
foreground() {
    rm -f "$work/out"
    set -m
    (trap - EXIT && exec env RUN_DIR="$run" PORTS=free DEMO=0 "$top/deploy/stack.sh" run >"$work/out" 2>&1 </dev/null) &
    set +m
    job=$!
}

ctrl_c() {
    kill -INT -- "-$job"
    wait "$job"
    code=$?
}

ctrl_c_stops_everything() {
    foreground
    expect "run in the foreground starts" within 30 says "^Running; Ctrl-C stops everything"
    ctrl_c
    expect "Ctrl-C ends it well" ends_with 0
    expect "it says that it stopped" says "^stopped; the data is kept"
    expect "Ctrl-C leaves no process" nothing_runs

    foreground
    expect "a start is under way" within 10 says "^  PostgreSQL "
    ctrl_c
    expect "Ctrl-C in the middle of a start is an interruption" ends_with 130
    expect "and leaves no process either" nothing_runs
    stack start
    expect "after which it starts again" ends_with 0
}

clean_removes_all() {
    stack clean
    expect "clean stops what runs and removes the directory" test "$code" = 0 -a ! -e "$run"
    expect "clean leaves no process" nothing_runs
    stack clean
    expect "clean of nothing is no error" ends_with 0
}

first_start
env_file
while_it_runs
part_that_dies
stop_keeps_the_data
many_threads
ctrl_c_stops_everything
clean_removes_all
