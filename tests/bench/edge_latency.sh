# shellcheck shell=bash
# What is added to the service's own latency, over load: requests arrive at random at shares of the rate that a closed loop reaches.

LATENCY_SHARES=(0.2 0.3 0.4 0.5 0.6 0.7)

# latency_of NAME RATE: p50 and p99 in microseconds, how busy the machine was (0 to 1); a line of $WORK/latency.NAME.RATE
latency_of() {
    local before
    target "$1"
    before=$(machine_ticks)
    drive 64 "$TARGET_URL" -w 1 -d "$COST_S" -p -r "$2"
    echo "$(figure p50_us) $(figure p99_us) $before $(machine_ticks)" |
        awk '{ print $1, $2, ($5 - $3) / ($6 - $4) }' >>"$WORK/latency.$1.$2"
    figure failures >>"$WORK/latency_failed.$1"
}

# latency_column NAME RATE COLUMN: median of the rounds
latency_column() { awk -v i="$3" '{ print $i }' "$WORK/latency.$1.$2" | median; }

# added NAME RATE COLUMN: median of the differences to the service
added() { paste -d' ' "$WORK/latency.$1.$2" "$WORK/latency.service.$2" | awk -v i="$3" '{ print $i - $(i + 3) }' | median; }

# A line of $WORK/latency: rate; p50, p99 of the service; busy, added p50, added p99 of the others
latency_line() {
    local name
    printf '%s %s %s' "$1" "$(latency_column service "$1" 1)" "$(latency_column service "$1" 2)"
    for name in gateway haproxy_trusting; do
        printf ' %.2f %s %s' "$(latency_column "$name" "$1" 3)" "$(added "$name" "$1" 1)" "$(added "$name" "$1" 2)"
    done
    echo
}

latency() {
    local capacity share rate round name
    capacity=$(median <"$WORK/rate.gateway")
    # The client goes ahead of what it measures, where that is allowed: its own wait for a CPU is no latency of a server.
    local DRIVE_AHEAD=()
    # shellcheck disable=SC2034  # drive() is what uses it
    ! chrt -f 1 true 2>/dev/null || DRIVE_AHEAD=(chrt -f 1)
    for share in "${LATENCY_SHARES[@]}"; do
        rate=$(awk -v rate="$capacity" -v share="$share" 'BEGIN { printf "%d", rate * share }')
        for ((round = 0; round < LATENCY_ROUNDS; round++)); do
            for name in service gateway haproxy_trusting; do latency_of "$name" "$rate"; done
        done
        latency_line "$rate" | tee -a "$WORK/latency"
    done
    latency_results
}

# The goal is one of a load: of these rates, the one at which the machine is nearest to it.
latency_results() {
    local rate p50 p99 busy added_p50 added_p99 _
    read -r rate p50 p99 busy added_p50 added_p99 _ < <(
        awk -v load="$LOAD" '{ print ($4 < load ? load - $4 : $4 - load), $0 }' "$WORK/latency" | sort -n | head -n 1 | cut -d' ' -f2-)
    result service_p50_us "$p50"
    result service_p99_us "$p99"
    result gateway_added_at_per_second "$rate"
    result gateway_added_at_load "$busy"
    result gateway_added_p50_us "$added_p50"
    result gateway_added_p99_us "$added_p99"
    result gateway_added_failed "$(sum <"$WORK/latency_failed.gateway")"
}

latency_table() {
    printf '| requests/s | service p50 | p99 | gateway: load | added p50 | added p99 | haproxy_trusting: load | added p50 | added p99 |\n'
    printf '|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n'
    awk '{ printf "|"; for (i = 1; i <= NF; i++) printf " %s |", $i; print "" }' "$WORK/latency"
}
