# shellcheck shell=bash
# GET by id on the service against pgbench reading the same server's rows, in turns.

# CPU ticks (10 ms) of a process and of the children it has waited for.
ticks() {
    local fields
    read -ra fields < <(sed 's/.*) //' "/proc/$1/stat")
    echo $((fields[11] + fields[12]))
}
backend_ticks() { local pid sum=0; for pid in $(pgrep -P "$PG_PID" -f 'customer_service'); do sum=$((sum + $(ticks "$pid"))); done; echo "$sum"; }

# wrk CONNECTIONS URL -> "requests-per-second failures"
wrk_get() {
    wrk -t1 -c"$1" -d4s -s "$HERE/get.lua" "$2" -- "$WORK/ids" "$WORK/token" >"$WORK/wrk.out"
    awk '/Requests\/sec/ { rate = $2 } /Non-2xx/ { bad = $NF } /Socket errors/ { bad += $4 + $6 + $8 } END { print rate + 0, bad + 0 }' "$WORK/wrk.out"
}

pgbench_rate() { "$PGBIN/pgbench" -h "$SOCKETS" -U crm_admin -S -M prepared -n -c "$1" -j 2 -T 4 pgbench 2>/dev/null | awk '/^tps/ { print $3 }'; }

best() { sort -rn | head -n 1; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

get_prepare() {
    owner_sql -c "CREATE DATABASE pgbench" >/dev/null
    "$PGBIN/pgbench" -h "$SOCKETS" -U crm_admin -i -s 10 -q pgbench >/dev/null 2>&1
    for _ in 1 2; do wrk_get 64 "$CUSTOMER_SERVICE_URL" >/dev/null; done # caches
}

get_round() {
    local c rate failed
    for c in 32 64 128; do
        read -r rate failed < <(wrk_get "$c" "$CUSTOMER_SERVICE_URL")
        echo "$rate" >>"$WORK/get.$1"
        GET_FAILED=$((GET_FAILED + failed))
    done
    for c in 1 8 16; do pgbench_rate "$c" >>"$WORK/pgbench.$1"; done
    awk -v a="$(best <"$WORK/get.$1")" -v b="$(best <"$WORK/pgbench.$1")" 'BEGIN { print a / b }' >>"$WORK/ratios"
}

get_cpu() {
    local service=$1 before after requests
    before="$(ticks "$service") $(backend_ticks)"
    wrk_get 64 "$CUSTOMER_SERVICE_URL" >/dev/null
    after="$(ticks "$service") $(backend_ticks)"
    requests=$(awk '/requests in/ { print $1 }' "$WORK/wrk.out")
    # shellcheck disable=SC2086
    set -- $before $after
    result get_cpu_us_service "$(awk -v t=$(($3 - $1)) -v n="$requests" 'BEGIN { printf "%.1f", t * 10000 / n }')"
    result get_cpu_us_postgres "$(awk -v t=$(($4 - $2)) -v n="$requests" 'BEGIN { printf "%.1f", t * 10000 / n }')"
}

get() {
    local round
    GET_FAILED=0
    get_prepare
    for round in 1 2 3 4 5; do get_round "$round"; done
    result get_per_second "$(cat "$WORK"/get.? | best)"
    result pgbench_per_second "$(cat "$WORK"/pgbench.? | best)"
    result get_ratio_to_pgbench "$(median <"$WORK/ratios")"
    result get_ratio_worst_round "$(sort -n "$WORK/ratios" | head -n 1)"
    result get_failed "$GET_FAILED"
    get_cpu "$(<"$CUSTOMER_SERVICE_PID_FILE")"
    result get_through_gateway_per_second "$(wrk_get 64 "$BASE_URL" | cut -d' ' -f1)"
}

memory() {
    wrk -t1 -c500 -d4s -s "$HERE/get.lua" "$CUSTOMER_SERVICE_URL" -- "$WORK/ids" "$WORK/token" >/dev/null &
    sleep 3
    result memory_mib_at_500_connections "$(awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$(<"$CUSTOMER_SERVICE_PID_FILE")/status")"
    wait $!
}

# exec to /readyz 200, of a second customer-service with the environment of the one that runs.
start_time() {
    local port=$((20000 + RANDOM % 10000)) begun vars
    mapfile -d '' vars <"/proc/$(<"$CUSTOMER_SERVICE_PID_FILE")/environ"
    for _ in 1 2 3 4 5; do
        begun=${EPOCHREALTIME/./}
        port=$((port + 1))
        env -i "${vars[@]}" HTTP_PORT=$port "$BIN_DIR/customer-service" >/dev/null 2>&1 &
        until curl -sf -o /dev/null "http://127.0.0.1:$port/readyz"; do sleep 0.005; done
        echo $((${EPOCHREALTIME/./} - begun)) >>"$WORK/starts"
        kill $!
        wait $! || true
    done
    result start_to_ready_ms "$(median <"$WORK/starts" | awk '{ printf "%.0f", $1 / 1000 }')"
}
