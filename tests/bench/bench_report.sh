# shellcheck shell=bash
# The figures beside what they should be: a table, .run/bench.json and, after a full run, docs/performance.md with its plots.

goals() {
    local operation percent what class limit
    cat <<TABLE
edge_cpu_ratio_to_haproxy <= 1.3
gateway_get_ratio_to_pgbench >= 0.7
get_ratio_to_pgbench >= 1
TABLE
    for operation in get list keyword create; do echo "service_${operation}_ratio_to_fastify >= 3"; done
    awk '$1 ~ /_(filter|keyword)_growth$|^lists_other_growth$/ { print $1, "<= 3" }' "$WORK/results"
    for percent in 100 200; do
        while read -r class limit; do
            # The document's limits are of the mean; ours are a tenth of them.
            echo "promise_${percent}_${class}_mean_ms <= $((limit / 10))"
            echo "promise_${percent}_${class}_p99_ms <= $limit"
            echo "promise_${percent}_${class}_failed <= 0"
        done <<<$'query 500\ncomplex 2000\nwrite 1000\nreport 5000\ninternal 500'
    done
    echo "promise_100_machine_cpu_percent <= 50"
    echo "promise_200_machine_cpu_percent <= 80"
    echo "promise_200_memory_percent <= 80"
}

bench_growth() {
    local what class
    for what in "${LISTS[@]}"; do
        for class in $(awk -F'\t' -v what="$what" '$1 == what { print $3 }' "$WORK/sizes" | sort -u); do growth "$what" "$class"; done
    done
    for class in filter keyword other; do all_growth "$class" "${SIZES[-2]}" "${SIZES[-1]}"; done
}

# growth WHAT KIND
growth() { result "$1_$2_growth" "$(size_growth "$1" "$(rows_of "$1" "${SIZES[-2]}")" "$(rows_of "$1" "${SIZES[-1]}")" "$2")"; }

# Versions of who was measured, a line each.
bench_versions() {
    haproxy -v | sed -n '1s/.*version \([^ ]*\).*/HAProxy \1/p'
    nginx -v 2>&1 | sed 's/.*nginx\//nginx /'
    "$PGBIN/postgres" -V | awk '{ print "PostgreSQL", $3 }'
    redis-server --version | sed 's/.*v=\([^ ]*\).*/Redis \1/'
    echo "Node $("$NODE" --version)"
    sed -n 's/^ *"\(fastify\|pg\|fast-jwt\|ioredis\)": "\([^"]*\)".*/\1 \2/p' "$PEER/package.json"
    uname -sr
}

bench_machine() { echo "$(nproc) CPUs ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB"; }

bench_json() {
    report_folder
    {
        printf '{\n  "date": "%s",\n  "machine": "%s",\n  "versions": "%s"' "$(date -u +%FT%TZ)" "$(bench_machine)" "$(bench_versions | paste -sd, | sed 's/,/, /g')"
        awk '{ printf ",\n  \"%s\": %s", $1, $2 }' "$WORK/results"
        awk -F'\t' '{ printf ",\n  \"%s %s %s: %s\": {\"first_ms\": %s, \"p50_ms\": %s, \"p95_ms\": %s, \"max_ms\": %s}", $1, $2, $3, $4, $5, $6, $7, $8 }' "$WORK/sizes"
        awk '{ printf ",\n  \"promise %s %s\": {\"requests\": %s, \"failures\": %s, \"mean_us\": %s, \"p99_us\": %s}", $1, $2, $3, $4, $5, $6 }' "$WORK/promise_classes"
        echo
        echo "}"
    } >"$TOP/.run/bench.json"
}

bench_plots() {
    awk -v title="GET of a customer through nginx, HAProxy and the gateway (TLS)" -f "$HERE/plot.awk" "$WORK/curve.gateway" >"$TOP/docs/performance-gateway.svg"
    awk -v title="GET of a customer: customer-service, the same behind the gateway, Fastify" -f "$HERE/plot.awk" "$WORK/curve.service" >"$TOP/docs/performance-service.svg"
}

# contenders_table PREFIX OPERATION NAME...
contenders_table() {
    local prefix=$1 operation=$2 name figure
    shift 2
    for name in "$@"; do
        printf '| %s | %s |' "$operation" "$name"
        for figure in per_second cpu_us postgres_cpu_us p50_us p99_us failed; do
            printf ' %s |' "$(awk -v name="$prefix${name}_${operation}_$figure" '$1 == name { print $2 }' "$WORK/results")"
        done
        echo
    done
}

CONTENDERS_HEAD='| operation | at | requests/s | CPU us | PostgreSQL CPU us | p50 us | p99 us | failed |
|---|---|---:|---:|---:|---:|---:|---:|'

# sizes_table WHAT
sizes_table() {
    local size sizes=()
    for size in "${SIZES[@]}"; do sizes+=("$(rows_of "$1" "$size")"); done
    printf '| list |%s\n|---|%s\n' "$(printf ' %s |' "${sizes[@]}")" "$(printf -- '---:|%.0s' "${sizes[@]}")"
    size_table | awk -F'\t' -v what="$1" '$1 == what { printf "| %s |", $2; for (i = 3; i <= NF; i++) printf " %s |", $i; print "" }'
}

bench_document() {
    cat <<DOC
# Performance

Written by \`make bench\` on $(date -u +%Y-%m-%d): $(bench_machine); $(bench_versions | paste -sd, | sed 's/,/, /g').
Clients, servers and database share the machine: the figures are ratios of one run, not promises. What the peers run is in
[tests/bench](../tests/bench): [haproxy.cfg.in](../tests/bench/haproxy.cfg.in), [nginx.conf.in](../tests/bench/nginx.conf.in),
[peer](../tests/bench/peer). Where the CPU time goes: \`make profile\`.

## Goals

| figure | value | goal | reached |
|---|---:|---:|---|
$(goals_reached | awk -F'\t' '{ printf "| %s | %s | %s | %s |\n", $1, $2, $3, $4 }')

## The gateway beside nginx and HAProxy

$CONTENDERS_HEAD
$(contenders_table edge_ get nginx haproxy gateway unaudited)
$(contenders_table edge_ create gateway unaudited)

![Replies and latency over load](performance-gateway.svg)

All with TLS 1.3 (AES-128-GCM) and keep-alive towards the client, keep-alive towards the same customer-service, as many threads or
processes as there are CPUs, an access log. nginx only forwards. HAProxy verifies the token (HS256, \`jwt_verify\`), its claims and the
permission, and counts the rate of an address in a stick table. The gateway verifies the token (ES256, remembered until it expires), the permission,
revocation, address rules and limits of rate shared through Redis, and records writes on its disk before it answers; \`unaudited\` is a second one that
leaves no records. CPU is user and system time of the process over its requests; $CONNECTIONS connections, random ids out of 20,000, $ROUNDS
rounds in turns, medians. The load generator, \`tests/bench/drive\`, has one thread.

## customer-service beside pgbench and Fastify

$CONTENDERS_HEAD
$(for operation in get list keyword create; do contenders_table service_ "$operation" direct chain fastify; done)

![Replies and latency over load](performance-service.svg)

\`direct\` is customer-service by itself, \`chain\` the same behind the gateway (CPU: of both), \`fastify\` the same contract as a team would write it:
fast-jwt with its cache, a Redis limiter, pg with prepared statements, serializers compiled from our OpenAPI document, a process on each CPU,
totals that may be a second old, the same columns encrypted; creates with an event and a record of the audit. No TLS. ${SIZES[1]} customers. \`service_…_ratio_to_fastify\`: CPU of a request there, over that of the chain.
Keywords are asked for soon after thousands of creates: until the service has put their texts where the indexes are to have them, which it does every
two seconds, each keyword reads through those that wait.
Against pgbench: the columns that customer-service reads of a customer, of one row, prepared, over the unix socket, at the best of ${PGBENCH_CLIENTS[*]} clients; against the best of
${GET_CONNECTIONS[*]} connections, directly and through the gateway; in turns.

### What bounds a read through the gateway

CPU: the machine has none left in either case, and the same row takes two parties more. Of the CPU of such a request (\`perf record -a\`, 2026-11-30) two fifths
are the gateway's, three tenths customer-service's, a sixth PostgreSQL's and a ninth the client's. Three quarters of the gateway's are the kernel's, and no
function of the gateway's own is above 1 % of it; the four times that a request or its reply is sent over TCP were a third of everything (2026-11-29). pgbench pays for
PostgreSQL, a client that parses nothing, and two messages over a unix socket instead of six, four of them over TCP. nginx, which only forwards, needs
about as much CPU in the gateway's place (\`…_get_cpu_us\` above). The ratio moves with the machine, which slows pgbench down more than
others: 0.50 to 0.74 in runs of one day, 0.90 in a short one; 0.71 and 0.63 on 2026-11-29; 0.75, 0.61 and 0.60 on 2026-11-30; 0.67 and 0.77 with
SCHED_BATCH, which is worth a sixth of the rate here. The gateway makes four system calls for a request, two to receive and two to send, and an
epoll_wait for fourteen of them (\`strace -c\`, 2026-11-30). BBR or CUBIC makes no difference.

### What bounds a create

PostgreSQL: it works more than four times as long for a create as gateway and service together (seven tenths of the machine, a twelfth
each), so both CPUs are full at a rate at which each of the two is busy a tenth of the time, begins its requests with caches that others
have filled, and wakes somebody who is asleep at each step: two fifths of customer-service's CPU in a create and two thirds of the
gateway's are the kernel's (\`perf record -a\`, 2026-11-30), no function of our own is above 2 % of either, and a fifth of the gateway's
is the thread that brings the audit's records to the disk, with one fsync in 10 ms. Of PostgreSQL's time (\`pg_stat_statements\`, 2026-11-30) 49 % are the INSERT,
29 % reading the event for opportunity- and order-service and taking it in, 13 % the chain of the audit's records (a quarter of that are
their indexes, a third what is hashed), 5 % what keywords are found by, 2 % reading what has changed, for the audit, 2 % reading back. Of
the INSERT with warm caches two fifths are the two indexes for keywords, by trigrams and by single characters and pairs of Chinese and
pinyin, three tenths the triggers that make the code and the event, a tenth the twelve indexes that lists are read off. Fastify writes the
row, an event and a record of the audit in one statement and stops there: no search by pinyin, nobody who reads the event, no chain, no
file that is on the disk before the answer.

## Growth

Milliseconds, the p95 of $REPEATS requests, each with its exact total, after $((1 + WARM_REPEATS)) others: each connection to PostgreSQL plans a list once; \`…_growth\` compares the p95 of all requests of a kind, \`lists_…\` that of all
lists. The first request of a broad keyword or filter has to count, which grows with what it finds; see \`…_first_request_ms_worst\`.
The p95 of a list's keywords is that of its slowest, as there are few: of those that few rows have, as they come from an index of
trigrams, which reads the list of rows under each of the keyword's. It is asked for a few of them alone, where that does: for wan and gfa of wangfang
it takes 0.7 ms at 1,000,000 contacts, for all of them 2.3 (\`EXPLAIN\`, 2026-11-29); the other half of the time are the 752 finds, ten times as many as
at a tenth of the contacts. Of orders, which are found by their number and among the customers, the slowest is a number: its digits are in
many others.
\`customers_other_growth\` is that of the page in the middle, number 5,000 or 50,000: an offset is walked through, a cursor is not.
\`opportunities_report_growth\` is that of the board, which adds up what each owner has in each stage, and by time the opportunities themselves.
The columns are numbers of rows; most customers have a contact, and users are by the number of customers, too. Not here: what does not grow with
the business (departments, roles, rules, pipelines, stages, industries, regions).
What changes as time goes by (calendar, overdue, reminders) is counted for each page.

$(for what in "${LISTS[@]}"; do printf '### %s\n\n%s\n\n' "${what^}" "$(sizes_table "$what")"; done)

## The required load

100 users through the gateway (TLS) and 500 internal calls to the services, each once a second at random (Poisson, counted from the arrival), on as many
connections, for $PROMISE_S s; then twice as many. ${SIZES[-1]} customers, $(rows_of orders "${SIZES[-1]}") orders and what the lists above have.
The machine's share counts the load generator and the kernel too. It moves with the machine, as all absolute figures do: HAProxy and PostgreSQL needed twice
the CPU for the same work in some runs of one day. Of PostgreSQL's time at 100 % (\`pg_stat_statements\`, 2026-11-30) a quarter is the INSERT of 60 orders a
second, a third the 500 reads by id, a fifth the indexes for keywords.

| load | operation | requests | failed | mean ms | p99 ms |
|---:|---|---:|---:|---:|---:|
$(awk '{ printf "| %s %% | %s | %s | %s | %.2f | %.2f |\n", $1, $2, $3, $4, $5 / 1000, $6 / 1000 }' "$WORK/promise_classes")

| load | process | CPU % of the machine | memory MiB |
|---:|---|---:|---:|
$(awk '{ printf "| %s %% | %s | %s | %s |\n", $1, $2, $3, $4 }' "$WORK/promise_processes")

## All figures

| figure | value |
|---|---:|
$(awk '{ printf "| %s | %s |\n", $1, $2 }' "$WORK/results")
DOC
}

bench_report() {
    bench_growth
    bench_json
    echo
    goals_reached | awk -F'\t' '{ printf "%-36s %10s  %-8s %s\n", $1, $2, $3, $4 == "yes" ? "reached" : "MISSED" }'
    [ "$QUICK" = 0 ] || return 0
    bench_plots
    bench_document >"$TOP/docs/performance.md"
}
