#!/usr/bin/env bash
# new_filter.sh SCHEMAGEN SCHEMA_DIR: a new filter on customers is one line of schema, as CONTRIBUTING says. Builds a copy of the
# tree with that line and asks the service; no line of C is changed.
set -u
build=$(dirname "$1") schemas=$2
# shellcheck source=tests/system/stack_check.sh
. "$(dirname "$0")/stack_check.sh"

case ${build##*/} in release | tsan) variant=${build##*/} ;; *) variant=asan ;; esac

copy_tree() {
    mkdir -p "$work/tree/build"
    tar -C "$top" --exclude ./.git --exclude ./.run --exclude ./build -cf - . | tar -C "$work/tree" -xf -
    cp -a "$build" "$work/tree/build/$variant"
}

# The line after the property's examples, as in CONTRIBUTING.
add_line() { sed -i 's/^      "examples": \["月结30天"\]$/&,\n      "x-filter": true/' "$work/tree/proto-json-schemas/customer.json"; }

# A comma, and the line.
one_property_changed() { [ "$(diff "$schemas/customer.json" "$work/tree/proto-json-schemas/customer.json" | grep -c '^>')" = 2 ]; }
rebuild() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$work/tree" --no-print-directory VARIANT="$variant" all >"$work/out" 2>&1; }
documented() { grep -q '"name": "payment_terms"' "$1/docs/openapi/customer-service.json"; }

call() { answers -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }

make_customer() { call -d "{\"customer_name\":\"$1\",\"customer_type\":\"企业\",\"payment_terms\":\"$2\"}" "$url"; }

# found TOTAL PARAMETER...
found() {
    local total=$1 parameters=()
    shift
    for parameter; do parameters+=(--data-urlencode "$parameter"); done
    call -G "${parameters[@]}" "$url" && grep -qF "\"total\":$total," "$work/answer"
}

copy_tree
expect "one property gets the line" add_line
expect "nothing else is changed" one_property_changed
expect "the tree builds" rebuild
expect "the OpenAPI document tells of the new filter" documented "$work/tree"
expect "it did not before" test -z "$(documented "$top" && echo before)"
with BIN_DIR="$work/tree/build/$variant/bin" -- start
expect "what was built starts" ends_with 0
url=$(setting CUSTOMER_SERVICE_URL)/api/v1/customers
expect "somebody logs in" login
for name in 甲 乙; do expect "a customer has these terms" make_customer $name 月结30天; done
expect "another has other terms" make_customer 丙 货到付款
expect "the filter finds the customers, with the exact total" found 2 payment_terms=月结30天
expect "and those of other terms" found 1 payment_terms=货到付款
expect "and nobody" found 0 payment_terms=月结
expect "it works next to other filters" found 1 payment_terms=月结30天 keyword=甲
