# shellcheck shell=bash
# What is added to a request by what it goes through, over load: requests arrive at random at shares of the rate that a closed loop
# reaches, and beside them, at the same time, a tenth as many that go to the service directly. Both wait for the same service, database and
# CPUs: the difference is the gateway's.

LATENCY_SHARES=(0.2 0.25 0.3 0.4)
LATENCY_S=3        # seconds of one run
LATENCY_BESIDE=0.1 # of the rate: requests that go around

# What a CPU is wanted for by several goes to the client, then to what is measured, where that is allowed: the client's wait is no latency of
# a server, and the gateway's wait behind the database is none of a gateway that has CPUs of its own.
is_ahead() { chrt -f 1 true 2>/dev/null; }
ahead() { ! is_ahead || chrt -a -f -p 1 "$1"; }
not_ahead() { ! is_ahead || chrt -a -o -p 0 "$1"; }

# percentiles: p50 and p99 in microseconds, of the last run
percentiles() { echo "$(figure p50_us) $(figure p99_us)"; }

# alone RATE: of the service with nothing before it
alone() {
    target service
    drive 64 "$TARGET_URL" -w 1 -d "$LATENCY_S" -p -r "$1"
    percentiles >>"$WORK/latency.service.$1"
}

# latency_of NAME RATE: a line of $WORK/latency.NAME.RATE: its percentiles, those of the requests beside it, how busy the machine was (0 to 1)
latency_of() {
    local before beside
    target service
    beside=$(awk -v rate="$2" -v share="$LATENCY_BESIDE" 'BEGIN { printf "%d", rate * share }')
    DRIVE_OUT=$WORK/drive.beside drive 16 "$TARGET_URL" -w 1 -d "$LATENCY_S" -p -r "$beside" &
    target "$1"
    before=$(machine_ticks)
    ahead "$TARGET_PID"
    drive 64 "$TARGET_URL" -w 1 -d "$LATENCY_S" -p -r "$2"
    not_ahead "$TARGET_PID"
    echo "$before $(machine_ticks)" >"$WORK/busy"
    wait $!
    echo "$(percentiles) $(DRIVE_OUT=$WORK/drive.beside percentiles) $(awk '{ print ($3 - $1) / ($4 - $2) }' "$WORK/busy")" >>"$WORK/latency.$1.$2"
    { figure failures && DRIVE_OUT=$WORK/drive.beside figure failures; } >>"$WORK/latency_failed.$1"
}

# latency_median NAME RATE COLUMN [LESS]: of the rounds; LESS is a column that is taken off
latency_median() { awk -v i="$3" -v less="${4:-0}" '{ print less ? $i - $less : $i }' "$WORK/latency.$1.$2" | median; }

# A line of $WORK/latency: rate; p50, p99 of the service alone; busy, p50, p99, added p50, added p99 of the others
latency_line() {
    local name
    printf '%s %s %s' "$1" "$(latency_median service "$1" 1)" "$(latency_median service "$1" 2)"
    for name in gateway haproxy_trusting; do
        printf ' %.2f %s %s %s %s' "$(latency_median "$name" "$1" 5)" "$(latency_median "$name" "$1" 1)" "$(latency_median "$name" "$1" 2)" \
            "$(latency_median "$name" "$1" 1 3)" "$(latency_median "$name" "$1" 2 4)"
    done
    echo
}

latency() {
    local capacity share rate round name
    capacity=$(median <"$WORK/rate.gateway")
    local DRIVE_AHEAD=()
    # shellcheck disable=SC2034  # drive() is what uses it
    ! is_ahead || DRIVE_AHEAD=(chrt -f 2)
    for share in "${LATENCY_SHARES[@]}"; do
        rate=$(awk -v rate="$capacity" -v share="$share" 'BEGIN { printf "%d", rate * share }')
        for ((round = 0; round < LATENCY_ROUNDS; round++)); do
            alone "$rate"
            for name in gateway haproxy_trusting; do latency_of "$name" "$rate"; done
        done
        latency_line "$rate" | tee -a "$WORK/latency"
    done
    latency_results
}

# The goal is one of a load: of these rates, the one at which the machine is nearest to it.
latency_results() {
    local rate alone_p50 alone_p99 busy p50 p99 added_p50 added_p99 _
    read -r rate alone_p50 alone_p99 busy p50 p99 added_p50 added_p99 _ < <(
        awk -v load="$LOAD" '{ print ($4 < load ? load - $4 : $4 - load), $0 }' "$WORK/latency" | sort -n | head -n 1 | cut -d' ' -f2-)
    result service_alone_p50_us "$alone_p50"
    result service_alone_p99_us "$alone_p99"
    result gateway_added_at_per_second "$rate"
    result gateway_added_at_load "$busy"
    result gateway_p50_us "$p50"
    result gateway_p99_us "$p99"
    result gateway_added_p50_us "$added_p50"
    result gateway_added_p99_us "$added_p99"
    result gateway_added_failed "$(sum <"$WORK/latency_failed.gateway")"
}

latency_table() {
    printf '| requests/s | service alone: p50 | p99 | gateway: load | p50 | p99 | added p50 | p99 | haproxy_trusting: load | p50 | p99 | added p50 | p99 |\n'
    printf '|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n'
    awk '{ printf "|"; for (i = 1; i <= NF; i++) printf " %s |", $i; print "" }' "$WORK/latency"
}
