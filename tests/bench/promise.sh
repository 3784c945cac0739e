# shellcheck shell=bash
# What the requirement document asks for in its section 7: 100 users of the API and 500 internal calls at the same time, and twice of
# both for a short time. Each user, and each internal caller, asks once a second on a connection of its own; requests arrive at random
# (Poisson), whatever the replies do.

PROMISE_SERVICES=(gateway auth-service customer-service opportunity-service order-service)

# Lines of a mix: weight, class and operation, request. See drive.c.
promise_mixes() {
    local item
    item="{\"product_id\":\"$(id_of a000 1)\",\"quantity\":3},{\"product_id\":\"$(id_of a000 2)\",\"quantity\":2}"
    operation users_customers <<MIX
25	query:customer	GET	/api/v1/customers/{id}
15	query:customers	GET	/api/v1/customers?size=10
6	complex:customers	GET	/api/v1/customers?keyword=$(encoded 大药房)&status=$(encoded 活跃)&sort=updated_time
5	write:customer-create	POST	/api/v1/customers	{"customer_name":"基准医药{n}","customer_type":"企业","phone":"13800138000","customer_level":"A"}
5	write:customer-update	PATCH	/api/v1/customers/{id}	{"description":"第{n}次"}
MIX
    operation users_orders <<MIX
15	query:order	GET	/api/v1/orders/{id}
8	query:orders	GET	/api/v1/orders?size=10
4	complex:orders	GET	/api/v1/orders?keyword=$(encoded 康宁)&order_status=$(encoded 已完成)&sort=total_amount
MIX
    operation users_sales <<MIX
5	query:opportunities	GET	/api/v1/opportunities?size=10
4	write:opportunity-create	POST	/api/v1/opportunities	{"customer_id":"{id}","opportunity_name":"机会{n}","estimated_amount":120000,"expected_close_date":"$(date -d '90 days' +%F)"}
6	write:order-create	POST	/api/v1/orders	{"customer_id":"{id}","order_items":[$item]}
2	report:board	GET	/api/v1/opportunities/board
MIX
    printf '250\tinternal:customer\tPOST\t/internal/v1/getCustomerById\t{"customerId":"{id}"}\n' | operation internal_customers
    printf '200\tinternal:order\tPOST\t/internal/v1/getOrderById\t{"orderId":"{id}"}\n' | operation internal_orders
    printf '50\tinternal:order-create\tPOST\t/internal/v1/createOrder\t{"orderDTO":{"customer_id":"{id}","order_items":[%s]}}\n' "$item" | operation internal_sales
}

promise_ids() {
    local n step
    step=$(($(rows_of orders "${SIZES[-1]}") / 20000))
    cp "$WORK/ids" "$WORK/ids.customers"
    for ((n = 0; n < 20000; n++)); do printf '00000000-0000-7000-b000-%012d\n' $((1 + n * step)); done >"$WORK/ids.orders"
    for ((n = 0; n < BUYERS; n++)); do printf '00000000-0000-7000-9000-%012d\n' "$n"; done >"$WORK/ids.sales"
}

# promise_drive WHO WHAT CONNECTIONS PERCENT URL: in the background
promise_drive() {
    local connections=$(($3 * $4 / 100))
    timeout $((PROMISE_S + 30)) "$DRIVE" -j -c "$connections" -d "$PROMISE_S" -w 1 -p -r "$connections" -k -t "$WORK/token" -i "$WORK/ids.$2" \
        -m "$WORK/mix.$1_$2" "$5" >"$WORK/promise.$1_$2" &
}

promise_pid() { case $1 in gateway) cat "$GATEWAY_PID_FILE" ;; *) cat "$RUN_DIR/pid/$1" ;; esac; }

# "name ticks MiB" of each process of ours, PostgreSQL and its children as one.
promise_processes() {
    local name pid
    for name in "${PROMISE_SERVICES[@]}" redis; do echo "$name $(ticks "$(promise_pid "$name")") $(awk '/^Rss:/ { print $2 / 1024 }' "/proc/$(promise_pid "$name")/smaps_rollup")"; done
    echo "postgresql $(target_ticks gateway | cut -d' ' -f2) $(for pid in $(with_children "$PG_PID"); do cat "/proc/$pid/smaps_rollup" 2>/dev/null; done | awk '/^Pss:/ { n += $2 } END { print n / 1024 }')"
}

# "class requests failures mean_us p99_us" of every class
promise_classes() {
    cat "$WORK"/promise.* | grep -o '{"class": [^}]*}' |
        sed -E 's/\{"class": "([^"]*)", "requests": ([0-9]+), "failures": ([0-9]+), "mean_us": ([0-9.]+), .*"p99_us": ([0-9]+), .*/\1 \2 \3 \4 \5/'
}

# promise_at PERCENT
promise_at() {
    local begun busy before
    rm -f "$WORK"/promise.*
    before=$(promise_processes) begun=$EPOCHREALTIME busy=$(machine_ticks)
    promise_drive users customers 56 "$1" "$BASE_URL"
    promise_drive users orders 27 "$1" "$BASE_URL"
    promise_drive users sales 17 "$1" "$BASE_URL"
    promise_drive internal customers 250 "$1" "$CUSTOMER_SERVICE_URL"
    promise_drive internal orders 200 "$1" "$ORDER_SERVICE_URL"
    promise_drive internal sales 50 "$1" "$ORDER_SERVICE_URL"
    local pids
    pids=$(jobs -p | tail -n 6)
    # shellcheck disable=SC2086  # pids
    wait $pids
    join <(sort <<<"$before") <(promise_processes | sort) | awk -v percent="$1" -v begun="$begun" -v now="$EPOCHREALTIME" -v cpus="$(nproc)" \
        '{ printf "%s %s %.1f %.0f\n", percent, $1, ($4 - $2) / (now - begun) / cpus, $5 }' >>"$WORK/promise_processes"
    promise_classes | sed "s/^/$1 /" >>"$WORK/promise_classes"
    result "promise_$1_machine_cpu_percent" "$(echo "$busy $(machine_ticks)" | awk '{ printf "%.1f", 100 * ($3 - $1) / ($4 - $2) }')"
    result "promise_$1_memory_percent" "$(awk '/^MemTotal/ { all = $2 } /^MemAvailable/ { free = $2 } END { printf "%.1f", 100 * (all - free) / all }' /proc/meminfo)"
}

# promise_results PERCENT: by the classes of the document: mean of all requests, the worst p99 of an operation
promise_results() {
    local class
    for class in query complex write report internal; do
        awk -v percent="$1" -v class="$class" '
            $1 == percent && index($2, class ":") == 1 { n += $3; failed += $4; sum += ($3 - $4) * $5; if ($6 > p99) p99 = $6 }
            END {
                printf "promise_%s_%s_mean_ms %.2f\npromise_%s_%s_p99_ms %.2f\npromise_%s_%s_failed %d\n", percent, class, (n > failed ? sum / (n - failed) / 1000 : 0),
                    percent, class, p99 / 1000, percent, class, failed
            }' "$WORK/promise_classes"
    done | while read -r name value; do result "$name" "$value"; done
}

# Each list and report once: the first has to count ("…_first_request_ms_worst"), which is not what every user waits for.
promise_warm() {
    local path
    cut -f2- "$WORK"/mix.users_* | awk -F'\t' '$2 == "GET" && $3 !~ /{id}/ { print $3 }' | while read -r path; do
        curl -sSk --max-time 30 -o /dev/null -H "Authorization: Bearer $(<"$WORK/token")" "$BASE_URL$path"
    done
}

promise() {
    local percent
    promise_ids
    promise_mixes
    promise_warm
    for percent in 100 200; do
        promise_at "$percent"
        promise_results "$percent"
    done
}
