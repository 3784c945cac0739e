# shellcheck shell=bash
# How lists and reports grow: the same cases over customers, contacts, orders and opportunities of several sizes.

# size CUSTOMERS: so many, and what belongs to them, in place of those before; then the lists
size() {
    local begun=$SECONDS
    ORDERS=$(($1 * ORDERS_EACH))
    OPPORTUNITIES=$(($1 / CUSTOMERS_EACH))
    bulk_begin
    N=$1 load_customer_rows &
    load_order_rows "$ORDERS"
    load_opportunity_rows "$OPPORTUNITIES" 1
    wait $!
    indexes_make
    bulk_end
    customer_ids
    result "load_$1_seconds" $((SECONDS - begun))
    N=$1 customer_lists
    size_results customers "$1" "$1"
    contact_lists
    size_results contacts "$1" "$1"
    N=$ORDERS order_lists
    size_results orders "$ORDERS" "$1"
    N=$OPPORTUNITIES opportunity_lists
    size_results opportunities "$OPPORTUNITIES" "$1"
    sleep 2 # what lists leave to be written
}

# size_results WHAT COUNT CUSTOMERS: all times of a kind also go to $WORK/all.KIND.CUSTOMERS
size_results() {
    local kind
    for kind in filter keyword other; do cat "$WORK/times.$kind" >>"$WORK/all.$kind.$3"; done
    list_results "$1_$2_"
    sed "s/^/$1\t$2\t/" "$WORK/lists" >>"$WORK/sizes"
}

# size_growth WHAT FROM TO KIND: of the p95
size_growth() {
    awk -v from="$1_$2_$4_p95_ms" -v to="$1_$3_$4_p95_ms" '$1 == from { a = $2 } $1 == to { b = $2 } END { printf "%.2f\n", b / a }' "$WORK/results"
}

# all_growth KIND FROM TO: of the p95 of all lists of these numbers of customers
all_growth() {
    local from to
    from=$(p95 <"$WORK/all.$1.$2") to=$(p95 <"$WORK/all.$1.$3")
    result "lists_$2_$1_p95_ms" "$from"
    result "lists_$3_$1_p95_ms" "$to"
    result "lists_$1_growth" "$(awk -v a="$from" -v b="$to" 'BEGIN { printf "%.2f\n", b / a }')"
}

# "what<TAB>kind: name", then its p95 at each size: of the cases that are the same at all of them
size_table() {
    awk -F'\t' '
        { key = $1 "\t" $3 ": " $4 }
        !(key in times) { order[++keys] = key }
        { times[key] = times[key] "\t" $7; seen[key]++; at[$1, $2] }
        END {
            for (pair in at) { split(pair, part, SUBSEP); sizes[part[1]]++ }
            for (i = 1; i <= keys; i++) { split(order[i], part, "\t"); if (seen[order[i]] == sizes[part[1]]) print order[i] times[order[i]] }
        }' "$WORK/sizes"
}
