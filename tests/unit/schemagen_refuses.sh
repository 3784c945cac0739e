#!/bin/sh
# schemagen_refuses.sh SCHEMAGEN SCHEMA_DIR: breaks one thing at a time in a copy of the schemas and expects exit code 1,
# one line that names file and place, and not a byte written. Then the opposite: what must work without touching C.
set -u
schemagen=$1 schemas=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

fresh() {
    rm -rf "$work/in" "$work/gen" "$work/api"
    mkdir "$work/in" "$work/gen" "$work/api"
    cp "$schemas"/*.json "$work/in"
}

run() { "$schemagen" "$work/in" "$work/gen" "$work/api" >"$work/log" 2>&1; }

flunk() {
    echo "not ok - $1"
    sed 's/^/    /' "$work/log"
    failed=1
}

# refuses NAME FILE SED_SCRIPT MESSAGE
refuses() {
    fresh
    sed -i -E "$3" "$work/in/$2"
    if cmp -s "$work/in/$2" "$schemas/$2"; then echo "the edit changed nothing" >"$work/log"; flunk "$1"; return; fi
    run
    code=$?
    [ $code -eq 1 ] || { echo "exit code $code" >>"$work/log"; flunk "$1"; return; }
    [ "$(cat "$work/log")" = "$4" ] || { echo "expected: $4" >>"$work/log"; flunk "$1"; return; }
    [ -z "$(find "$work/gen" "$work/api" -type f)" ] || { flunk "$1: something was written"; return; }
    echo "ok - $1"
}

C=customer-service.routes.json
refuses "a route without permission" $C '0,/"permission": "customer:view", /s///' \
    "$C: listCustomers: has no permission"
O=opportunity-service.routes.json
refuses "a call without a procedure" $O '0,/"procedure": "opportunity_move", /s///' \
    "$O: moveOpportunity: \"procedure\" and the action \"call\" go together"
refuses "a procedure that is no name" $O '0,/"opportunity_move"/s//"opportunity_move(x)"/' \
    "$O: moveOpportunity: procedure holds \"(\""
refuses "a narrowing that is no list's" $O '0,/"procedure": "opportunity_move"/s//"procedure": "opportunity_move", "only": "is_in"/' \
    "$O: moveOpportunity: \"only\" is of a list"
refuses "a span of no narrowing" $O '0,/"only": "activity_overlaps", /s///' \
    "$O: getCalendar: \"spans\" needs \"only\""
refuses "a derived field that is filtered" activity.json '0,/"x-derived"/s//"x-filter": true, "x-derived"/' \
    "activity.json: is_overdue: x-derived needs readOnly and nothing else: it is no column"
refuses "pinyin of two fields" lead.json '0,/"x-search": true/s//"x-search": "pinyin"/' \
    "lead.json: x-resource: pinyin is kept of one field only"
refuses "an argument that is no field" $O '0,/"stageId": "sales_stage_id"/s//"stageId": "stage"/' \
    "$O: internalUpdateOpportunityStage: rpc.fields: \"stage_move\" has no field \"stage\""
refuses "a list under a record that it does not refer to" $O '0,/\{opportunity_id\}\/stage-history/s//{customer_id}\/stage-history/' \
    "$O: listStageHistory: \"stage_history\" has no field \"customer_id\" that refers to a resource"
refuses "an unknown permission" $C '0,/"customer:create"/s//"customer:craete"/' \
    "$C: createCustomer: unknown permission \"customer:craete\""
refuses "a route with an unknown keyword" $C '0,/"timeout_ms"/s//"timeout"/' \
    "$C: listCustomers: unknown keyword \"timeout\""
refuses "an unknown resource" $C '0,/"resource": "customer"/s//"resource": "costumer"/' \
    "$C: listCustomers: unknown resource \"costumer\""
refuses "an unknown action" $C '0,/"action": "list"/s//"action": "lisst"/' \
    "$C: listCustomers: unknown action \"lisst\""
refuses "neither action nor handler" $C '0,/"action": "list", /s///' \
    "$C: listCustomers: needs an action or a handler"
refuses "an unknown rate class" $C '0,/"rate": "read"/s//"rate": "reed"/' \
    "$C: listCustomers: unknown rate \"reed\""
refuses "a route without audited" $C '0,/"audited": false, /s///' \
    "$C: listCustomers: \"audited\" is missing"
refuses "an unknown way to be degraded" $C '0,/"degraded": "stale"/s//"degraded": "stele"/' \
    "$C: listIndustries: \"degraded\" is not \"stale\""
refuses "a write whose answer may be stale" $C '0,/"audited": true, /s//"audited": true, "degraded": "stale", /' \
    "$C: createCustomer: only what GET answers can be stale"
refuses "a body of less than nothing" $C '0,/"audited": true, /s//"audited": true, "body_max": -1, /' \
    "$C: createCustomer: body_max must be positive"
refuses "a duplicate operationId" $C 's/"patchCustomer"/"updateCustomer"/' \
    "$C: updateCustomer: operationId is given twice"
refuses "the same method and path twice" $C 's/"PATCH", "path": "\/api\/v1\/customers/"PUT", "path": "\/api\/v1\/customers/' \
    "$C: patchCustomer: same method and path as updateCustomer"
refuses "the same method and path in two services" auth-service.routes.json 's/\/api\/v1\/auth\/jwks/\/api\/v1\/errors/' \
    "$C: listErrors: same method and path as getJwks"
refuses "paths that differ in a parameter's name only" $C 's/\/api\/v1\/dictionaries"/\/api\/v1\/dictionaries\/{kind}"/' \
    "$C: getDictionary: same method and path as listDictionaries"
refuses "a path without the id that its action needs" $C '0,/\{customer_id\}/s//{id}/' \
    "$C: getCustomer: path has no {customer_id}"
refuses "a path outside the API" $C '0,/\/api\/v1\/customers/s//\/customers/' \
    "$C: listCustomers: path is under neither /api/v1/ nor /internal/v1/"
refuses "an internal path with a public rate class" $C '0,/"rate": "internal"/s//"rate": "read"/' \
    "$C: internalGetCustomerById: rate \"internal\" and /internal/ go together"
refuses "a message as the resource of an action" $C '0,/"resource": "region"/s//"resource": "error_entry"/' \
    "$C: listRegions: resource \"error_entry\" is not stored"
refuses "an unknown reply" $C 's/"response": "dictionary"/"response": "dictionery"/' \
    "$C: getDictionary: unknown response \"dictionery\""

refuses "an unknown keyword" customer.json '0,/"x-filter"/s//"x-filtre"/' \
    "customer.json: customer_type: unknown keyword \"x-filtre\""
refuses "an unknown keyword of a reply" session.json '0,/"minimum"/s//"minimun"/' \
    "session.json: expires_in: unknown keyword \"minimun\""
refuses "an unknown dictionary" customer.json '0,/"x-dictionary": "customer_type"/s//"x-dictionary": "kind"/' \
    "customer.json: customer_type: unknown dictionary \"kind\""
refuses "an unknown field in a view" customer.json '0,/"industry_name"/s//"industry"/' \
    "customer.json: x-resource: list: unknown field \"industry\""
refuses "a field twice in a view" customer.json '0,/"industry_name"/s//"status"/' \
    "customer.json: x-resource: views.list: \"status\" is given twice"
refuses "an unknown required field" customer.json 's/"required": \["customer_name"/"required": ["name"/' \
    "customer.json: required: unknown field \"name\""
refuses "a reference to no resource" customer.json 's/"table": "regions"/"table": "areas"/' \
    "customer.json: region_id: x-ref: no resource is stored in \"areas\""
refuses "a reference to no column" customer.json 's/"name": "region_name"/"name": "title"/' \
    "customer.json: region_id: x-ref: \"region\" has no field \"title\""
refuses "a joined name of no reference" customer.json 's/"x-from": "region_id"/"x-from": "status"/' \
    "customer.json: region_name: x-from: \"status\" has no x-ref"
refuses "the pinyin of a joined name" order.json '0,/"x-search": true$/s//"x-search": "pinyin"/' \
    "order.json: customer_name: x-from excludes x-filter, x-sort, x-unique, and x-search other than true"
refuses "a default that is no label" customer.json 's/"default": "活跃"/"default": "沉睡"/' \
    "customer.json: status: default \"沉睡\" is no label of \"customer_status\""
refuses "secrets that nobody may see" customer.json '/"unmask": "customer:unmask",/d' \
    "customer.json: x-resource: has x-secret fields and no \"unmask\""
refuses "rows that are only added, and told of" audit_log.json '/"events": false/d' \
    "audit_log.json: x-resource: appended: its events tell what changes"
refuses "an unknown permission to unmask" customer.json 's/customer:unmask/customer:unmsk/' \
    "customer.json: x-resource: unmask: unknown permission \"customer:unmsk\""
refuses "an owner that is no user" customer.json 's/"owner": "created_by"/"owner": "customer_name"/' \
    "customer.json: x-resource: owner: \"customer_name\" is no uuid"
refuses "an owner that is no field" customer.json 's/"owner": "created_by"/"owner": "nobody"/' \
    "customer.json: x-resource: owner: unknown field \"nobody\""
refuses "a filter on a secret" customer.json '0,/"x-secret": "sealed",/s//"x-secret": true, "x-filter": true,/' \
    "customer.json: phone: x-secret excludes x-filter and x-sort: they would tell what is masked"
refuses "an unknown kind of secret" customer.json '0,/"x-secret": "sealed"/s//"x-secret": "hidden"/' \
    "customer.json: phone: x-secret must be true or \"sealed\""
refuses "a sealed number" customer.json '/"minimum": 0,/,/x-secret/s/"x-secret": true/"x-secret": "sealed"/' \
    "customer.json: credit_limit: a sealed x-secret needs a text, and is found by x-search \"exact\" only"
refuses "a sealed field in the texts of keywords" customer.json '0,/"x-search": "exact"/s//"x-search": true/' \
    "customer.json: phone: a sealed x-secret needs a text, and is found by x-search \"exact\" only"
refuses "a sealed field that must be unique" customer.json '0,/"x-secret": "sealed"/s//&, "x-unique": true/' \
    "customer.json: phone: a sealed x-secret excludes x-unique, pinyin and readOnly"
refuses "a text without a limit" customer.json 's/, "maxLength": 500,$/,/' \
    "customer.json: address: \"maxLength\" is missing"
refuses "a property without example" customer.json 's/"examples": \["C001"\],//' \
    "customer.json: customer_code: \"examples\" is missing"
refuses "a view that shows what is write-only" user.json 's/"list": \["user_id",/"list": ["user_id", "password",/' \
    "user.json: x-resource: views.list: \"password\" is writeOnly"
refuses "a search by what is write-only" user.json 's/"writeOnly": true,/"writeOnly": true, "x-search": true,/' \
    "user.json: password: writeOnly excludes readOnly and whatever would tell the value"
refuses "codes of no dictionary" role.json 's/,$/,/; /"examples": \[\["customer:view", "customer:create"\]\],/{N;s/,\n.*//}' \
    "role.json: permissions: codes need an x-dictionary"
refuses "a code that would need quotes" permissions.json 's/"activity:unmask"/"activity:un mask"/' \
    "role.json: permissions: a code of \"permission\" holds \" \""
refuses "a stored resource without version" region.json 's/"version": \{/"revision": {/' \
    "region.json: x-resource: a stored resource needs \"version\""
refuses "a label twice in a dictionary" dictionaries.json 's/"title": "个人"/"title": "企业"/' \
    "dictionaries.json: customer_type: \"企业\" is given twice"
refuses "a keyword twice" customer.json '0,/"x-filter": true/s//"x-filter": true, "x-filter": false/' \
    "customer.json: customer_type: \"x-filter\" is given twice"
many=$(for i in $(seq 60); do printf '"f%s": {"title": "x", "type": "boolean", "examples": [true]},' "$i"; done)
refuses "more fields than the tables hold" region.json "s/\"properties\": \\{/&$many/" \
    "region.json: has more than 64 fields"
refuses "permissions out of order" permissions.json '0,/activity:create/s//zebra:create/' \
    "permissions.json: zebra:create: is not in alphabetical order"
refuses "broken JSON" region.json '$s/\}//' \
    "region.json: not valid JSON near line $(($(wc -l <"$schemas/region.json") + 1))"

name="a new filter is one line of schema"
fresh
sed -i 's/^      "examples": \["月结30天"\]$/&,\n      "x-filter": true/' "$work/in/customer.json"
if run && grep -q 'payment_terms"), .type = T_TEXT, .flags = F_FILTER' "$work/gen/schemas.c" &&
    grep -q '"name": "payment_terms"' "$work/api/customer-service.json"; then echo "ok - $name"; else flunk "$name"; fi

name="an unchanged file is not written again"
fresh
run && find "$work/gen" "$work/api" -type f -exec touch -d '2020-01-01' {} + && run
if [ $? -eq 0 ] && [ -z "$(find "$work/gen" "$work/api" -type f -newermt '2020-01-02')" ]; then echo "ok - $name"
else flunk "$name"; fi

exit $failed
