# shellcheck shell=bash
# What is added to the service's own latency, at a share of the rate that the gateway reaches.

# latency_of NAME RATE: p50 and p99 in microseconds, a line of $WORK/latency.NAME
latency_of() {
    target "$1"
    drive 64 "$TARGET_URL" -w 1 -d "$COST_S" -p -r "$2"
    echo "$(figure p50_us) $(figure p99_us)" >>"$WORK/latency.$1"
    figure failures >>"$WORK/latency_failed.$1"
}

# added NAME FIELD: median over the rounds of the difference to the service
added() { paste -d' ' "$WORK/latency.$1" "$WORK/latency.service" | awk -v i="$2" '{ print $i - $(i + 2) }' | median; }

latency() {
    local rate round name
    rate=$(median <"$WORK/rate.gateway" | awk -v share="$LOAD_SHARE" '{ printf "%d", $1 * share }')
    for ((round = 0; round < ROUNDS; round++)); do
        for name in service gateway haproxy_trusting; do latency_of "$name" "$rate"; done
    done
    result gateway_added_at_per_second "$rate"
    result service_p50_us "$(cut -d' ' -f1 "$WORK/latency.service" | median)"
    result service_p99_us "$(cut -d' ' -f2 "$WORK/latency.service" | median)"
    for name in gateway haproxy_trusting; do
        result "${name}_added_p50_us" "$(added "$name" 1)"
        result "${name}_added_p99_us" "$(added "$name" 2)"
        result "${name}_added_failed" "$(sum <"$WORK/latency_failed.$name")"
    done
}
