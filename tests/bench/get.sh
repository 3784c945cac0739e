# shellcheck shell=bash
# GET by id on the service against pgbench reading the same server's rows, in turns.

# CPU ticks (10 ms) of a process: user and system.
ticks() { awk '{ sub(/.*[)] /, ""); print $12 + $13 }' "/proc/$1/stat"; }
backend_ticks() { local pid sum=0; for pid in $(pgrep -P "$PG_PID" -f 'customer_service'); do sum=$((sum + $(ticks "$pid"))); done; echo "$sum"; }

DRIVE_AHEAD=() # what runs it, as `chrt -f 1`

# drive CONNECTIONS BASE_URL [OPTION...]: leaves its figures in $DRIVE_OUT, by default $WORK/drive
drive() {
    local connections=$1 base=$2
    shift 2
    timeout 30 "${DRIVE_AHEAD[@]}" "$DRIVE" -j -c "$connections" -d 4 "$@" -t "$WORK/token" -i "$WORK/ids" "$base/api/v1/customers/{id}" >"${DRIVE_OUT:-$WORK/drive}"
}
# One of all requests together: what comes before the classes.
figure() { sed "s/, \"classes\".*//; s/.*\"$1\": \([0-9.]*\).*/\1/" "${DRIVE_OUT:-$WORK/drive}"; }

pgbench_rate() { timeout 30 "$PGBIN/pgbench" -h "$SOCKETS" -U crm_admin -S -M prepared -n -c "$1" -j 2 -T 4 pgbench 2>/dev/null | awk '/^tps/ { print $3 }'; }

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", a / b }'; }
best() { sort -rn | head -n 1; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

get_prepare() {
    owner_sql -c "CREATE DATABASE pgbench" >/dev/null
    "$PGBIN/pgbench" -h "$SOCKETS" -U crm_admin -i -s 10 -q pgbench >/dev/null 2>&1
    for _ in 1 2; do drive 64 "$CUSTOMER_SERVICE_URL"; done # caches
}

get_round() {
    local c
    for c in 32 64 128; do
        drive "$c" "$CUSTOMER_SERVICE_URL"
        figure per_second >>"$WORK/get.$1"
        GET_FAILED=$((GET_FAILED + $(figure failures)))
    done
    for c in 1 8 16; do pgbench_rate "$c" >>"$WORK/pgbench.$1"; done
    drive 64 "$BASE_URL"
    figure per_second >>"$WORK/gateway"
    GATEWAY_FAILED=$((GATEWAY_FAILED + $(figure failures)))
    ratio "$(best <"$WORK/get.$1")" "$(best <"$WORK/pgbench.$1")" >>"$WORK/ratios"
    ratio "$(tail -n 1 "$WORK/gateway")" "$(best <"$WORK/pgbench.$1")" >>"$WORK/gateway_ratios"
}

# CPU microseconds per request of: PREFIX PID BASE_URL
get_cpu() {
    local before after requests
    before="$(ticks "$2") $(backend_ticks)"
    drive 64 "$3"
    after="$(ticks "$2") $(backend_ticks)"
    requests=$(figure requests)
    # shellcheck disable=SC2086
    set -- "$1" $before $after
    result "$1_cpu_us" "$(awk -v t=$(($4 - $2)) -v n="$requests" 'BEGIN { printf "%.1f", t * 10000 / n }')"
    result "$1_cpu_us_postgres" "$(awk -v t=$(($5 - $3)) -v n="$requests" 'BEGIN { printf "%.1f", t * 10000 / n }')"
    result "$1_cpu_us_client" "$(figure client_cpu_us)"
}

# Latency at half of the rate that a closed loop reaches, when requests arrive as those of independent users do: PREFIX RATE BASE_URL
get_latency() {
    drive 64 "$3" -w 1 -p -r "$(awk -v rate="$2" 'BEGIN { printf "%d", rate / 2 }')"
    result "$1_p50_us_at_half_rate" "$(figure p50_us)"
    result "$1_p99_us_at_half_rate" "$(figure p99_us)"
    result "$1_failed_at_half_rate" "$(figure failures)"
}

get() {
    local round
    GET_FAILED=0
    GATEWAY_FAILED=0
    get_prepare
    for round in 1 2 3 4 5; do get_round "$round"; done
    get_latency get "$(median <"$WORK/get.5")" "$CUSTOMER_SERVICE_URL"
    get_latency gateway_get "$(median <"$WORK/gateway")" "$BASE_URL"
    result get_per_second "$(cat "$WORK"/get.? | best)"
    result pgbench_per_second "$(cat "$WORK"/pgbench.? | best)"
    result get_ratio_to_pgbench "$(median <"$WORK/ratios")"
    result get_ratio_worst_round "$(sort -n "$WORK/ratios" | head -n 1)"
    result get_failed "$GET_FAILED"
    get_cpu get "$(<"$CUSTOMER_SERVICE_PID_FILE")" "$CUSTOMER_SERVICE_URL"
    get_cpu gateway_get "$(<"$GATEWAY_PID_FILE")" "$BASE_URL"
    result gateway_get_per_second "$(best <"$WORK/gateway")"
    result gateway_get_ratio_to_pgbench "$(median <"$WORK/gateway_ratios")"
    result gateway_get_failed "$GATEWAY_FAILED"
}

memory() {
    drive 500 "$CUSTOMER_SERVICE_URL" &
    sleep 3
    result memory_mib_at_500_connections "$(awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$(<"$CUSTOMER_SERVICE_PID_FILE")/status")"
    result memory_mib_peak "$(awk '/^VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/$(<"$CUSTOMER_SERVICE_PID_FILE")/status")"
    wait $!
}

# No process for each look: curl takes longer to start than the service.
ready() {
    local fd line=
    { exec {fd}<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
    printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&"$fd"
    read -rt 2 line <&"$fd" || true
    exec {fd}>&-
    [[ $line == *" 200 "* ]]
}

# exec to /readyz 200, of a second customer-service with the environment of the one that runs.
start_time() {
    local port=$((20000 + RANDOM % 10000)) begun vars pid
    mapfile -d '' vars <"/proc/$(<"$CUSTOMER_SERVICE_PID_FILE")/environ"
    for _ in 1 2 3 4 5; do
        port=$((port + 1))
        begun=${EPOCHREALTIME/./}
        env -i "${vars[@]}" HTTP_PORT="$port" "$BIN_DIR/customer-service" >/dev/null 2>&1 &
        pid=$!
        until ready "$port"; do
            [ $((${EPOCHREALTIME/./} - begun)) -lt 10000000 ] || { echo "bench: a second customer-service is not ready after 10 s" >&2; exit 1; }
            sleep 0.005
        done
        echo $((${EPOCHREALTIME/./} - begun)) >>"$WORK/starts"
        kill "$pid"
        wait "$pid" || true
    done
    result start_to_ready_ms_best "$(sort -n "$WORK/starts" | awk 'NR == 1 { printf "%.0f", $1 / 1000 }')"
    result start_to_ready_ms "$(median <"$WORK/starts" | awk '{ printf "%.0f", $1 / 1000 }')"
}
