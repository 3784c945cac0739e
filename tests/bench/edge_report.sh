# shellcheck shell=bash
# The figures beside what they should be, .run/bench-edge.json and, after a full run, docs/performance-edge.md.

# Of the gateway; HAProxy's figures are there to compare. Name, at least or at most, value.
goals() {
    cat <<TABLE
gateway_cpu_ratio_to_haproxy    <= 1.3
gateway_failed                  <= 0
gateway_added_p50_us            <= 150
gateway_added_p99_us            <= 1000
gateway_added_failed            <= 0
gateway_https_to_plain          >= 0.6
gateway_idle_connections        >= $IDLE
gateway_rss_mib_idle            <= 200
gateway_slow_head_held          >= $SLOW
gateway_slow_head_probes_failed <= 0
gateway_slow_body_held          >= $SLOW
gateway_slow_body_probes_failed <= 0
gateway_slow_read_held          >= $SLOW
gateway_slow_read_probes_failed <= 0
gateway_overload_goodput        >= 0.7
gateway_overload_recovery_s     <= 10
TABLE
}

# "gateway_cpu_us 40", "haproxy_cpu_us 80": a line for cpu_us, a column for each that was measured.
side_by_side() {
    awk 'BEGIN { count = split("gateway haproxy haproxy_trusting service", who, " ") }
        {
            for (i = count; i > 0 && index($1, who[i] "_") != 1; i--);
            if (!i) next
            name = substr($1, length(who[i]) + 2)
            if (!(name in seen)) order[++names] = name
            seen[name]
            value[name, i] = $2
        }
        END {
            for (n = 1; n <= names; n++) {
                printf "| %s |", order[n]
                for (i = 1; i <= count; i++) printf " %s |", value[order[n], i]
                print ""
            }
        }' "$WORK/results"
}

edge_json() {
    report_folder
    awk -v n="$N" 'BEGIN { printf "{\n  \"customers\": %d", n } { printf ",\n  \"%s\": %s", $1, $2 } END { print "\n}" }' \
        "$WORK/results" >"$TOP/.run/bench-edge.json"
}

edge_document() {
    cat <<DOC
# Performance of the edge

Written by \`make bench-edge\` on $(date -u +%Y-%m-%d): $(nproc) CPUs ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)),
HAProxy $(haproxy -v | sed -n '1s/.*version \([^ ]*\).*/\1/p'), PostgreSQL $("$PGBIN/postgres" -V | awk '{ print $3 }'), $N customers. Clients, gateway, HAProxy, service and database share
the machine, so the figures are ratios of one run, not promises.

## Goals of the gateway

| figure | value | goal | reached |
|---|---:|---:|---|
$(goals_reached | awk -F'\t' '{ printf "| %s | %s | %s | %s |\n", $1, $2, $3, $4 }')

## Side by side

| figure | gateway | haproxy | haproxy_trusting | service |
|---|---:|---:|---:|---:|
$(side_by_side)

## Latency over load (microseconds)

$(latency_table)

The goal is judged at the line at which the machine is nearest to $LOAD busy. What is added is a connection more to wait for, and TLS: two more tasks to
wake, and the gateway's own CPU. Of that more than a quarter is waking and changing tasks at this load, and no function of our
own is above 1 % (\`perf record\`, 2026-11-29). \`service alone\` is the same rate without gateway or requests beside: the machine is less busy then.

## Method

- **Side by side**: gateway and HAProxy run at the same time before one customer-service, with the same certificate, as many threads,
  TLS 1.3 with AES-128-GCM towards the client, keep-alive on both sides, and are measured in turns by the same load generator
  (\`tests/bench/drive\`, one thread). Both check the token (signature, issuer, audience, expiry), the permission and limits (HAProxy the
  rate of an address, in a stick table; the gateway connections of an address and requests under way), set an id of their own, strip
  what a client must not say, and write a JSON line for each request to a file. HAProxy's configuration:
  [\`haproxy.cfg.in\`](../tests/bench/haproxy.cfg.in).
- **haproxy, haproxy_trusting**: HAProxy 2.6 verifies the signature of each request's token, as it remembers none; the gateway remembers
  a verified token until it expires. \`haproxy_trusting\` is the same HAProxy with everything but that verification: what is left
  when the signature costs nothing.
- **CPU**: user and system time of the process over the requests of a run at 64 connections, GET by id; $ROUNDS rounds, medians of
  figures and of ratios. The rates are of the same runs; \`service\` is the service without anything before it.
- **Added latency**: Poisson arrivals at shares of the rate that the gateway reaches in a closed loop, and at the same time a tenth as many that go to the
  service directly: the difference between the percentiles of the two, median of $LATENCY_ROUNDS rounds. Both wait for the same service, database and
  CPUs. Load is the share of the machine's CPU time that is not idle, clients included. Clients, then the gateway (HAProxy likewise), run at
  real-time priority where they may: one that has CPUs of its own does not wait for one behind the database.
- **HTTPS to plain**: requests a second at 64 keep-alive connections over TLS, over those without, median of $ROUNDS ratios.
- **Idle**: resident memory of the process with $IDLE TLS connections open ($ADDRESSES addresses), each after one request.
- **Slow clients**: $SLOW connections that send a head or a body one byte a second, or read 128 bytes a second of a reply of 200 rows,
  and come back when they are turned out; beside them ten requests a second on kept connections and ten on fresh ones for $SLOW_S s.
  The worst latency of a fresh one has connecting and the handshake in it.
- **Overload**: ten times the rate that the closed loop reached arrives for 10 s, on $OVERLOAD connections. Goodput: good replies within 1 s,
  over that rate. Refusals are 503 with Retry-After; late ones took longer than 1 s; unsent ones found all connections busy. Recovery:
  the first second after it in which p50 and p99 at a fifth of the rate are within twice what they were before.
DOC
}

edge_report() {
    edge_json
    haproxy_complaints
    echo
    goals_reached | awk -F'\t' '{ printf "%-34s %10s  %-8s %s\n", $1, $2, $3, $4 == "yes" ? "reached" : "MISSED" }'
    [ "$QUICK" = 0 ] && [ "${PARTS[*]}" = "${ALL[*]}" ] || return 0
    edge_document >"$TOP/docs/performance-edge.md"
}
