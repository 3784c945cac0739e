# shellcheck shell=bash
# Ten times what can be done arrives for ten seconds. What is done of it within a second, and how soon all is well again.

# calm NAME RATE SECONDS: p50 and p99 in microseconds
calm() {
    drive 64 "$TARGET_URL" -d "$3" -p -r "$2" || true # what fails is counted
    echo "$(figure p50_us) $(figure p99_us) $(figure failures)" >"$WORK/calm.$1"
}

# Is now as before, within a factor of two, and without a failure?
is_calm() {
    paste -d' ' "$WORK/calm.before" "$WORK/calm.now" | awk '{ exit !($4 <= 2 * $1 && $5 <= 2 * $2 && $6 == 0) }'
}

# Seconds until a second was as before; 99: not within ten.
recovery() {
    local second
    for ((second = 1; second <= 10; second++)); do
        calm now "$1" 1
        if is_calm; then
            echo "$second"
            return
        fi
    done
    echo 99
}

# overload_at NAME: the capacity is what a closed loop reached
overload_at() {
    local capacity low
    target "$1"
    capacity=$(median <"$WORK/rate.$1")
    low=$(awk -v rate="$capacity" 'BEGIN { printf "%d", rate / 5 }')
    calm before "$low" 3
    drive "$OVERLOAD" "$TARGET_URL" -w 2 -d 10 -a "$ADDRESSES" -l 1000 -r $((capacity * 10)) || true
    result "$1_overload_offered_per_second" $((capacity * 10))
    result "$1_overload_goodput" "$(ratio "$(figure per_second)" "$capacity")"
    result "$1_overload_p99_ms" "$(figure p99_us | awk '{ printf "%.0f", $1 / 1000 }')"
    result "$1_overload_refusals" "$(figure refusals)"
    result "$1_overload_late" "$(figure late)"
    result "$1_overload_unsent" "$(figure unsent)"
    result "$1_overload_broken" $(($(figure broken) + $(figure connect) + $(figure garbled) + $(figure unanswered)))
    result "$1_overload_recovery_s" "$(recovery "$low")"
}

overload() {
    overload_at gateway
    overload_at haproxy_trusting
}
