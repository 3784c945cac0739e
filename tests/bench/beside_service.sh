# shellcheck shell=bash
# customer-service - by itself, and behind the gateway - beside pgbench, which only reads the same row, and beside the same contract as a
# Fastify service. No TLS here, as Fastify has none.

KEYWORDS=20
PGBENCH_CLIENTS=(1 8 16)
GET_CONNECTIONS=(32 64 128)
[ "$QUICK" = 0 ] || PGBENCH_CLIENTS=(8) GET_CONNECTIONS=(64)
PGBENCH_ROWS=100 # it knows no text variables: one script for each row

# What the beginning of a customer's name is, as it is typed into a search field.
keyword_operation() {
    owner_sql -c "SELECT substr(customer_name, 1, 4) FROM customers WHERE deleted_time IS NULL AND length(customer_name) > 6
        ORDER BY md5(customer_id::text) LIMIT $KEYWORDS" >"$WORK/keywords"
    while read -r word; do printf '1\tkeyword\tGET\t/api/v1/customers?size=10&keyword=%s\n' "$(encoded "$word")"; done <"$WORK/keywords" | operation keyword
}

service_targets() {
    peer_install
    peer_load
    peer_start
    printf '1\tlist\tGET\t/api/v1/customers?size=10\n' | operation list
    keyword_operation
    # shellcheck disable=SC2046  # pids
    target_add fastify "http://localhost:${PORT[fastify]}" "$WORK/token" $(with_children "$FASTIFY_PID")
    target_add direct "$CUSTOMER_SERVICE_URL" "$WORK/token" "$(<"$CUSTOMER_SERVICE_PID_FILE")"
    target_add chain "http://localhost:$PLAIN_PORT" "$WORK/token" "$(<"$CUSTOMER_SERVICE_PID_FILE")" "$(<"$GATEWAY_PID_FILE")"
    same_answers
}

# What is compared is the same: the members of a customer, and how many a keyword finds.
same_answers() {
    local path name
    for path in "customers/$(head -n 1 "$WORK/ids")" customers "customers?keyword=$(encoded "$(head -n 1 "$WORK/keywords")")"; do
        for name in fastify direct; do
            curl -sS -H "Authorization: Bearer $(<"$WORK/token")" "${TARGET_URL[$name]}/api/v1/$path" |
                grep -oE '"(total":[0-9]+|[a-z_]+":)' | grep -v next_cursor | sort -u >"$WORK/answer.$name"
        done
        cmp -s "$WORK/answer.fastify" "$WORK/answer.direct" || { diff "$WORK/answer.fastify" "$WORK/answer.direct" >&2; die "$path: Fastify answers something else"; }
    done
}

# pgbench's scripts: what customer-service selects of customers, as PostgreSQL saw it, of one row each.
pgbench_scripts() {
    local sql id
    drive_at get direct 1
    sql=$(owner_sql -c "SELECT split_part(query, ' WHERE ', 1) FROM pg_stat_activity
        WHERE query LIKE 'SELECT %FROM customers t WHERE t.customer_id = ANY (\$1::uuid[]) AND t.deleted_time IS NULL' LIMIT 1")
    [ -n "$sql" ] || die "customer-service's statement is not to be seen"
    PGBENCH_FILES=()
    while read -r id; do
        echo "$sql WHERE t.customer_id = '$id'::uuid AND t.deleted_time IS NULL;" >"$WORK/row.$id"
        PGBENCH_FILES+=(-f "$WORK/row.$id")
    done < <(head -n "$PGBENCH_ROWS" "$WORK/ids")
}

# get_rate pgbench|TARGET CONNECTIONS SECONDS
get_rate() {
    if [ "$1" = pgbench ]; then
        PGOPTIONS='-c search_path=customer,public' timeout $(($3 + 20)) "$PGBIN/pgbench" -h "$SOCKETS" -U crm_admin -M prepared -n -c "$2" -j 2 -T "$3" \
            "${PGBENCH_FILES[@]}" crm 2>/dev/null | awk '/^tps/ { print $3 }'
    else
        CONNECTIONS=$2 drive_at get "$1" "$3"
        figure per_second
    fi
}

# best_count TARGET COUNT...: of connections, that with the highest rate
best_count() {
    local count
    [ $# -gt 2 ] || { echo "$2"; return; }
    for count in "${@:2}"; do echo "$(get_rate "$1" "$count" 1) $count"; done | sort -rn | awk 'NR == 1 { print $2 }'
}

# Each at its best: GET of a row, whose statement pgbench repeats with as little around it as can be.
beside_pgbench() {
    local round name
    local -A at
    pgbench_scripts
    at[pgbench]=$(best_count pgbench "${PGBENCH_CLIENTS[@]}")
    for name in direct chain; do at[$name]=$(best_count "$name" "${GET_CONNECTIONS[@]}"); done
    for ((round = 0; round < ROUNDS; round++)); do
        for name in pgbench direct chain; do get_rate "$name" "${at[$name]}" "$BEST_S"; done | paste -sd' ' >>"$WORK/beside_pgbench"
    done
    result pgbench_per_second "$(cut -d' ' -f1 "$WORK/beside_pgbench" | median)"
    result get_ratio_to_pgbench "$(awk '{ printf "%.3f\n", $2 / $1 }' "$WORK/beside_pgbench" | median)"
    result gateway_get_ratio_to_pgbench "$(awk '{ printf "%.3f\n", $3 / $1 }' "$WORK/beside_pgbench" | median)"
}

beside_service() {
    local round name operation
    service_targets
    for operation in get list keyword create; do
        for name in direct chain; do drive_at "$operation" "$name" "$RUN_S"; done # caches
        drive_at "$operation" fastify "$WARM_S"
    done
    for ((round = 0; round < ROUNDS; round++)); do
        for operation in get list keyword create; do
            for name in direct chain fastify; do measure "$operation" "$name" "$RUN_S"; done
        done
    done
    for operation in get list keyword create; do
        measured_results service_ "$operation" direct chain fastify
        result "service_${operation}_ratio_to_fastify" "$(measured_ratio "$operation" fastify chain $CPU_US)"
        result "service_direct_${operation}_ratio_to_fastify" "$(measured_ratio "$operation" fastify direct $CPU_US)"
    done
    beside_pgbench
    curve service get "$(measured get chain $PER_SECOND | median)" "$CURVE_S" direct chain fastify
}
