# shellcheck shell=bash
# How lists and reports grow: the same cases over generated rows of several sizes.

# Rows for a thousand customers.
declare -A ROWS=([customers]=1000 [contacts]=1000 [opportunities]=100 [leads]=100 [activities]=200 [orders]=5000 [payments]=100 [quotes]=100
    [products]=10 [users]=1 [audit]=200)
LISTS=(customers contacts opportunities leads activities orders payments quotes products users audit)

# rows_of WHAT CUSTOMERS
rows_of() { echo $(($2 * ROWS[$1] / 1000)); }

# For so many customers, in place of those before; the indexes of all are made together.
size_load() {
    bulk_begin
    N=$1 load_customer_rows &
    load_order_rows "$(rows_of orders "$1")" "$(rows_of products "$1")"
    wait $!
    load_opportunity_rows "$(rows_of opportunities "$1")" 1
    load_user_rows "$(rows_of users "$1")"
    load_audit_rows "$(rows_of audit "$1")" "$(rows_of users "$1")" &
    load_activity_rows "$(rows_of activities "$1")" "$(rows_of opportunities "$1")"
    load_lead_rows "$(rows_of leads "$1")"
    load_payment_rows "$(rows_of payments "$1")" "$(rows_of orders "$1")"
    load_quote_rows "$(rows_of quotes "$1")"
    wait $!
    indexes_make
    bulk_end
    customer_ids
}

# size CUSTOMERS: so many, and what belongs to them; then the lists
size() {
    local begun=$SECONDS what
    size_load "$1"
    result "load_$1_seconds" $((SECONDS - begun))
    for what in "${LISTS[@]}"; do
        N=$(rows_of "$what" "$1") "${what}_lists"
        size_results "$what" "$(rows_of "$what" "$1")" "$1"
    done
    sleep 1 # what lists leave to be written
}

# size_results WHAT COUNT CUSTOMERS: all times of a kind also go to $WORK/all.KIND.CUSTOMERS
size_results() {
    local times
    for times in "$WORK"/times.*; do cat "$times" >>"$WORK/all.${times##*.}.$3"; done
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
