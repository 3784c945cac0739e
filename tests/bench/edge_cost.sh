# shellcheck shell=bash
# CPU of a request and requests a second: the gateway, HAProxy and the service itself, in turns.

# cost_of NAME: a run at 64 connections
cost_of() {
    local before after
    target "$1"
    before=$(ticks "$TARGET_PID")
    drive 64 "$TARGET_URL" -d "$COST_S"
    after=$(ticks "$TARGET_PID")
    awk -v t=$((after - before)) -v n="$(figure requests)" 'BEGIN { printf "%.2f\n", t * 10000 / n }' >>"$WORK/cpu.$1"
    figure per_second >>"$WORK/rate.$1"
    figure failures >>"$WORK/failed.$1"
}

sum() { awk '{ n += $1 } END { print n + 0 }'; }

# ratios A B: of their rounds
ratios() { paste "$1" "$2" | awk '{ printf "%.3f\n", $1 / $2 }'; }

cost() {
    local round name
    for name in service gateway haproxy haproxy_trusting; do # caches, pools
        target "$name"
        drive 64 "$TARGET_URL" -d 1
    done
    for ((round = 0; round < ROUNDS; round++)); do
        for name in service gateway haproxy haproxy_trusting; do cost_of "$name"; done
    done
    for name in gateway haproxy haproxy_trusting service; do
        result "${name}_cpu_us" "$(median <"$WORK/cpu.$name")"
        result "${name}_per_second" "$(median <"$WORK/rate.$name")"
        result "${name}_failed" "$(sum <"$WORK/failed.$name")"
    done
    result gateway_cpu_ratio_to_haproxy "$(ratios "$WORK/cpu.gateway" "$WORK/cpu.haproxy" | median)"
    result gateway_cpu_ratio_to_haproxy_trusting "$(ratios "$WORK/cpu.gateway" "$WORK/cpu.haproxy_trusting" | median)"
}

# https_ratio NAME PLAIN_URL: requests a second over TLS and without, in turns
https_ratio() {
    local round
    target "$1"
    for ((round = 0; round < ROUNDS; round++)); do
        drive 64 "$TARGET_URL" -d "$COST_S"
        figure per_second >>"$WORK/https.$1"
        drive 64 "$2" -d "$COST_S"
        figure per_second >>"$WORK/plain.$1"
    done
    result "$1_plain_per_second" "$(median <"$WORK/plain.$1")"
    result "$1_https_to_plain" "$(ratios "$WORK/https.$1" "$WORK/plain.$1" | median)"
}

https() {
    https_ratio haproxy_trusting "http://localhost:${PORT[plain]}"
    https_ratio gateway "http://localhost:$PLAIN_PORT"
}
