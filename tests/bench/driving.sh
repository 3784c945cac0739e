# shellcheck shell=bash
# Load, what it costs, and what to make of rounds.

# CPU ticks (10 ms) of a process: user and system.
ticks() { awk '{ sub(/.*[)] /, ""); print $12 + $13 }' "/proc/$1/stat"; }
# All processors of the machine: ticks that they were busy, and all ticks.
machine_ticks() { awk '/^cpu / { for (i = 2; i <= 9; i++) all += $i; print all - $5 - $6, all }' /proc/stat; }
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

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", a / b }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
