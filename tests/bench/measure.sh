# shellcheck shell=bash
# Operations at targets, in turns: a line of $WORK/measured for each run.

CONNECTIONS=64
declare -A TARGET_URL TARGET_PIDS TARGET_TOKEN # by name

# target_add NAME URL TOKEN_FILE PID...: the processes whose CPU time counts
target_add() {
    TARGET_URL[$1]=$2 TARGET_TOKEN[$1]=$3
    TARGET_PIDS[$1]="${*:4}"
}

# with_children PID
with_children() { echo "$1"; pgrep -P "$1" || true; }

# CPU ticks of a target, and of PostgreSQL for whomever.
target_ticks() {
    local pid sum=0 postgres=0
    for pid in ${TARGET_PIDS[$1]}; do sum=$((sum + $(ticks "$pid"))); done
    for pid in $(with_children "$PG_PID"); do postgres=$((postgres + $(ticks "$pid" 2>/dev/null || echo 0))); done
    echo "$sum $postgres"
}

# operation NAME <mix: see drive.c
operation() { cat >"$WORK/mix.$1"; }

# drive_at OPERATION TARGET SECONDS [OPTION...]
drive_at() {
    timeout 60 "$DRIVE" -j -c "$CONNECTIONS" -d "$3" "${@:4}" -t "${TARGET_TOKEN[$2]}" -i "$WORK/ids" -m "$WORK/mix.$1" "${TARGET_URL[$2]}" >"$WORK/drive" || true
}

# measure OPERATION TARGET SECONDS [OPTION...]: "operation target per_second cpu_us postgres_cpu_us p50_us p99_us failures"
measure() {
    local before after
    before=$(target_ticks "$2")
    drive_at "$@"
    after=$(target_ticks "$2")
    echo "$before $after $(figure requests)" | awk -v what="$1 $2 $(figure per_second)" -v rest="$(figure p50_us) $(figure p99_us) $(figure failures)" \
        '{ printf "%s %.2f %.2f %s\n", what, ($3 - $1) * 10000 / $5, ($4 - $2) * 10000 / $5, rest }' >>"$WORK/measured"
}

# measured OPERATION TARGET COLUMN: of each round
measured() { awk -v operation="$1" -v target="$2" -v column="$3" '$1 == operation && $2 == target { print $column }' "$WORK/measured"; }
PER_SECOND=3 CPU_US=4 POSTGRES_US=5 P50_US=6 P99_US=7 FAILURES=8

# measured_ratio OPERATION TARGET OTHER COLUMN: median of those of the rounds
measured_ratio() {
    paste <(measured "$1" "$2" "$4") <(measured "$1" "$3" "$4") | awk '{ printf "%.3f\n", $1 / $2 }' | median
}

# measured_results PREFIX OPERATION TARGET...
measured_results() {
    local prefix=$1 operation=$2 name
    shift 2
    for name in "$@"; do
        result "$prefix${name}_${operation}_per_second" "$(measured "$operation" "$name" $PER_SECOND | median)"
        result "$prefix${name}_${operation}_cpu_us" "$(measured "$operation" "$name" $CPU_US | median)"
        result "$prefix${name}_${operation}_postgres_cpu_us" "$(measured "$operation" "$name" $POSTGRES_US | median)"
        result "$prefix${name}_${operation}_p50_us" "$(measured "$operation" "$name" $P50_US | median)"
        result "$prefix${name}_${operation}_p99_us" "$(measured "$operation" "$name" $P99_US | median)"
        result "$prefix${name}_${operation}_failed" "$(measured "$operation" "$name" $FAILURES | awk '{ n += $1 } END { print n + 0 }')"
    done
}

CURVE_SHARES=(0.1 0.4 0.7 1.0 1.3)

# curve PLOT OPERATION RATE SECONDS TARGET...: requests arrive at shares of the rate, at random; "target offered per_second p50_us p99_us"
# lines of $WORK/curve.PLOT
curve() {
    local plot=$1 operation=$2 rate=$3 seconds=$4 share name
    shift 4
    [ "$QUICK" = 0 ] || return 0
    for share in "${CURVE_SHARES[@]}"; do
        for name in "$@"; do
            local offered
            offered=$(awk -v rate="$rate" -v share="$share" 'BEGIN { printf "%d", rate * share }')
            drive_at "$operation" "$name" "$seconds" -w 0.5 -p -r "$offered"
            echo "$name $offered $(figure per_second) $(figure p50_us) $(figure p99_us)" >>"$WORK/curve.$plot"
        done
    done
}
