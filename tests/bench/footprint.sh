# shellcheck shell=bash
# What customer-service takes: memory under many connections, time until it serves.

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
