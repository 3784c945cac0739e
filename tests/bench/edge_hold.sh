# shellcheck shell=bash
# Connections that are kept: idle ones, and slow clients of three kinds beside which others must be served.

rss_mib() { awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }

# of hold's last line
hold_figure() { sed -n "\$s/.*\"$1\": \([0-9]*\).*/\1/p" "$WORK/hold"; }

# hold_start SECONDS MANNER CONNECTIONS URL: returns when all are open
hold_start() {
    local deadline=$((SECONDS + 40))
    timeout $((50 + $1)) "$HOLD" -d "$1" -m "$2" -c "$3" -a "$ADDRESSES" -t "$WORK/token" "$4" >"$WORK/hold" &
    HOLD_PID=$!
    until grep -q '^holding' "$WORK/hold"; do
        [ "$SECONDS" -lt "$deadline" ] || die "$3 connections to $4 are not open after 40 s"
        kill -0 "$HOLD_PID" || die "hold ended"
        sleep 0.05
    done
}

hold_end() {
    kill "$HOLD_PID" 2>/dev/null || true
    wait "$HOLD_PID" || true
}

# Each has had a request and its reply.
idle_at() {
    target "$1"
    result "$1_rss_mib" "$(rss_mib "$TARGET_PID")"
    hold_start 20 idle "$IDLE" "$TARGET_URL/api/v1/customers/$(head -n 1 "$WORK/ids")"
    result "$1_rss_mib_idle" "$(rss_mib "$TARGET_PID")"
    hold_end
    result "$1_idle_connections" "$(hold_figure open)"
}

idle() {
    idle_at gateway
    idle_at haproxy_trusting
}

# probes NAME [OPTION...]: ten requests a second while slow clients are there
probes() {
    local name=$1
    shift
    drive 4 "$TARGET_URL" -r 10 -d "$SLOW_S" "$@" || true # what fails is counted
    echo "$(figure requests) $(figure failures) $(figure max_us)" >"$WORK/probe.$name"
}

# slow_at NAME KIND PATH
slow_at() {
    target "$1"
    hold_start $((SLOW_S + 10)) "$2" "$SLOW" "$TARGET_URL$3"
    (DRIVE_OUT=$WORK/drive.fresh probes fresh -n) &
    DRIVE_OUT=$WORK/drive.kept probes kept
    wait $!
    result "$1_slow_$2_rss_mib" "$(rss_mib "$TARGET_PID")"
    hold_end
    result "$1_slow_$2_held" "$(hold_figure held)"
    result "$1_slow_$2_turned_out" "$(hold_figure closed)"
    result "$1_slow_$2_probes" "$(cat "$WORK"/probe.* | awk '{ n += $1 } END { print n }')"
    result "$1_slow_$2_probes_failed" "$(cat "$WORK"/probe.* | awk '{ n += $2 } END { print n }')"
    result "$1_slow_$2_worst_ms" "$(cat "$WORK"/probe.* | awk '$3 > worst { worst = $3 } END { printf "%.0f", worst / 1000 }')"
}

slow() {
    local name
    for name in gateway haproxy_trusting; do
        slow_at "$name" head /api/v1/customers
        slow_at "$name" body /api/v1/customers
        slow_at "$name" read "/api/v1/customers?size=200"
    done
}
