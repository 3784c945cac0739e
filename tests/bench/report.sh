# shellcheck shell=bash
# What was measured: a table, .run/bench.json and, for the full size, docs/performance.md.

result() { printf '%s %s\n' "$1" "$2" | tee -a "$WORK/results"; }

# The goals with what was measured: name, value, goal, whether it is reached; tabs between.
goals_reached() {
    awk 'NR == FNR { value[$1] = $2; next }
        $1 in value {
            is_reached = $2 == "<=" ? value[$1] <= $3 + 0 : value[$1] >= $3 + 0
            printf "%s\t%s\t%s %s\t%s\n", $1, value[$1], $2, $3, is_reached ? "yes" : "no"
        }' "$WORK/results" <(goals)
}

report_json() {
    [ -d "$TOP/.run" ] || { mkdir "$TOP/.run" && : >"$TOP/.run/.crm-run"; } # the mark by which the stack knows its own
    {
        awk -v n="$N" 'BEGIN { printf "{\n  \"customers\": %d", n } { printf ",\n  \"%s\": %s", $1, $2 }' "$WORK/results"
        awk -F'\t' '{ printf ",\n  \"%s: %s\": {\"first_ms\": %s, \"p50_ms\": %s, \"p95_ms\": %s, \"max_ms\": %s}", $1, $2, $3, $4, $5, $6 }
            END { print "\n}" }' "$WORK/lists"
    } >"$TOP/.run/bench.json"
}

lists_table() {
    printf '| list | first | p50 | p95 | max |\n|---|---:|---:|---:|---:|\n'
    awk -F'\t' '{ printf "| %s: %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5, $6 }' "$WORK/lists"
}

report_document() {
    cat <<END
# Performance

Written by \`make bench\` on $(date -u +%Y-%m-%d): $(nproc) CPUs ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), PostgreSQL
$("$PGBIN/postgres" -V | awk '{ print $3 }'), $N customers. Client, service and database share the machine, so the figures are ratios of
one run, not promises.

## Method

- **GET by id**: \`tests/bench/drive\`, a load generator of one thread with one send and one receive a request (32, 64, 128 keep-alive
  connections; random ids out of 20,000; a verified token in each request), on customer-service and through the gateway over TLS, in turns
  with \`pgbench -S -M prepared\` (1, 8, 16 clients) on the same PostgreSQL over its unix socket; five rounds, the best of each side per
  round, the median of the ratios. CPU is user and system time of a process over the requests of a run at 64 connections. Latency at half
  rate: requests arrive at random (Poisson) at half of the median rate, and each counts from its arrival, also while it waits.
- **Lists**: one request after the stored totals were thrown away ("first"), then $REPEATS in a row; milliseconds; each with its exact total.
  Five totals are compared with PostgreSQL's own count.
- **Memory**: resident set of customer-service under load of 500 connections. **Start**: exec to \`/readyz\` 200, median of five.

## Figures

| figure | value |
|---|---:|
$(awk '{ printf "| %s | %s |\n", $1, $2 }' "$WORK/results")

The p95 figures are of requests whose total is stored already. The first request of a broad keyword has to count: see "first".

## Lists at $N customers (ms)

$(lists_table)
END
}

report() {
    report_json
    awk -F'\t' '$5 > 100 { printf "over 100 ms: %s %s: p95 %s\n", $1, $2, $5 }' "$WORK/lists"
    [ "$N" -lt 1000000 ] || report_document >"$TOP/docs/performance.md"
}
