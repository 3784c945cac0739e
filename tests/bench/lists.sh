# shellcheck shell=bash
# Lists: the first request of each after all stored totals are gone, some until each connection to PostgreSQL has its plans for these
# data, then those that count. A case is a line of $WORK/lists.

WARM_REPEATS=8
: "${REPEATS:=30}"

# list_times QUERY COUNT: "milliseconds status" of each request, one after the other on one connection
list_times() {
    local i
    for ((i = 0; i < $2; i++)); do
        printf 'url = "%s?%s"\noutput = "/dev/null"\n' "$LIST_URL" "$1"
    done | curl -sS --max-time 30 -H "Authorization: Bearer $(<"$WORK/token")" -w '%{time_total} %{http_code}\n' -K - | awk '{ print $1 * 1000, $2 }'
}

encoded() { printf %s "$1" | od -An -v -tx1 | tr -d '\n' | tr ' ' '%'; }

# list_case KIND NAME QUERY
list_case() {
    list_times "$3" $((1 + WARM_REPEATS + REPEATS)) >"$WORK/case"
    tail -n "$REPEATS" "$WORK/case" | sort -n | tee -a "$WORK/times.$1" >"$WORK/times"
    awk -v kind="$1" -v name="$2" -v cold="$(head -n 1 "$WORK/case" | cut -d' ' -f1)" '
        { ms[NR] = $1; if ($2 != 200) bad++ }
        END { printf "%s\t%s\t%.1f\t%.1f\t%.1f\t%.1f\t%d\n", kind, name, cold, ms[int(NR * .5)], ms[int(NR * .95)], ms[NR], bad }
    ' "$WORK/times" >>"$WORK/lists"
}

worst() { awk -F'\t' -v kind="$1" '$1 == kind && $5 > worst { worst = $5 } END { print worst }' "$WORK/lists"; }

# The p95 of all requests of a kind: that of a single list is the second worst of forty, which is chance when it takes a millisecond.
p95() { cut -d' ' -f1 | sort -n | awk '{ v[NR] = $1 } END { printf "%.1f\n", v[int(NR * .95)] }'; }
pooled_p95() { p95 <"$WORK/times.$1"; }

# same_total COUNTED QUERY: what the service says is what PostgreSQL counted
same_total() {
    local total
    total=$(curl -sS --max-time 60 -H "Authorization: Bearer $(<"$WORK/token")" "$LIST_URL?size=1${2:+&$2}" | sed 's/.*"total":\([0-9]*\).*/\1/')
    [ "$total" = "$1" ] || WRONG_TOTALS=$((WRONG_TOTALS + 1))
}

# lists_begin URL: the cases of another list
lists_begin() {
    LIST_URL=$1 WRONG_TOTALS=0
    rm -f "$WORK/lists" "$WORK"/times.*
}

# list_results [PREFIX]
list_results() {
    local kind
    for kind in $(cut -f1 "$WORK/lists" | sort -u); do
        result "${1:-}${kind}_p95_ms_worst" "$(worst "$kind")"
        result "${1:-}${kind}_p95_ms" "$(pooled_p95 "$kind")"
    done
    result "${1:-}first_request_ms_worst" "$(awk -F'\t' '$3 > worst { worst = $3 } END { print worst }' "$WORK/lists")"
    result "${1:-}lists_failed" "$(awk -F'\t' '{ n += $7 } END { print n + 0 }' "$WORK/lists")"
    result "${1:-}wrong_totals" "$WRONG_TOTALS"
}
