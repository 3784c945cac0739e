# shellcheck shell=bash
# The demo data, through the API like anybody's: deploy/demo/contacts.jsonl and customers.jsonl, one request a line, tied by
# customer_code. Each request has its own Idempotency-Key, so that an interrupted load simply runs again.

demo_login() {
    local answer
    service_url auth-service
    answer=$(printf '{"username":"admin","password":"%s"}' "$(<"$RUN_DIR/secrets/admin_password")" |
        curl -sS --noproxy '*' --max-time 15 -H 'Content-Type: application/json' --data-binary @- "$REPLY/api/v1/auth/login" 2>&1) || true
    REPLY=$(sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p' <<<"$answer")
    [ -n "$REPLY" ] || die "the demo data could not be loaded: login answered ${answer:0:300} (DEMO=0 starts without it)"
}

# demo_post PATH FOLDER <"key<TAB>body" lines: POSTs all over a few connections; the answers go to FOLDER/key.
demo_post() {
    local url status
    service_url customer-service
    url=$REPLY$1
    mkdir -p "$2"
    awk -F '\t' -v url="$url" -v folder="$2" -v token="$DEMO_TOKEN" '
        { gsub(/[\\"]/, "\\\\&", $2)
          printf "%surl = \"%s\"\nheader = \"Authorization: Bearer %s\"\nheader = \"Content-Type: application/json\"\n", next_one, url, token
          printf "header = \"Idempotency-Key: demo-%s\"\ndata-raw = \"%s\"\noutput = \"%s/%s\"\nnoproxy = \"*\"\n", $1, $2, folder, $1
          print "max-time = 30\nwrite-out = \"%{http_code} %{filename_effective}\\n\""
          next_one = "next\n" }' |
        curl -sS --parallel --parallel-max 16 -K - >"$2.status" 2>"$2.errors" || die "the demo data could not be loaded: $(head -n 1 "$2.errors")"
    status=$(grep -v -m 1 '^200 ' "$2.status") || return 0
    die "the demo data could not be loaded: POST $1 answered ${status%% *}: $(head -c 500 "${status#* }") (DEMO=0 starts without it)"
}

# "key<TAB>id" of the answers in a folder
demo_ids() { awk -v field="\"$2\" *: *\"" 'match($0, field "[^\"]*") { id = substr($0, RSTART, RLENGTH); sub(field, "", id); n = split(FILENAME, at, "/"); print at[n] "\t" id }' "$1"/*; }

# A customer's first contact comes before the customer, which then names it as its primary one; the others come after it.
demo_load() {
    local work=$RUN_DIR/demo data=$TOP/deploy/demo
    [ ! -e "$RUN_DIR/done/demo" ] || return 0
    rm -rf "$work"
    mkdir -p "$work"
    demo_login
    DEMO_TOKEN=$REPLY

    # {"customer_code":"KH0001",...: split off the code, number each customer's contacts
    sed -E 's/^\{"customer_code":"([^"]+)",/\1\t{/' "$data/contacts.jsonl" | awk -F '\t' '{ print $1 "-" ++seen[$1] "\t" $2 }' >"$work/contacts"
    grep -E '^[^-]+-1	' "$work/contacts" | demo_post /api/v1/contacts "$work/first"
    demo_ids "$work/first" contact_id >"$work/first.ids"

    awk -F '\t' 'NR == FNR { sub(/-1$/, "", $1); id[$1] = $2; next }
        match($0, /"customer_code":"[^"]*"/) { code = substr($0, RSTART + 17, RLENGTH - 18)
        print code "\t" (code in id ? "{\"primary_contact_id\":\"" id[code] "\"," : "{") substr($0, 2) }' \
        "$work/first.ids" "$data/customers.jsonl" | demo_post /api/v1/customers "$work/customers"
    demo_ids "$work/customers" customer_id >"$work/customers.ids"

    awk -F '\t' 'NR == FNR { id[$1] = $2; next }
        $1 !~ /-1$/ { code = $1; sub(/-[0-9]+$/, "", code); print $1 "\t{\"customer_id\":\"" id[code] "\"," substr($2, 2) }' \
        "$work/customers.ids" "$work/contacts" | demo_post /api/v1/contacts "$work/others"

    psql_service customer-service -1 -f "$data/created_times.sql" >>"$RUN_DIR/log/migrations.log" 2>&1 ||
        die_with_log migrations "the demo data's dates could not be set"
    touch "$RUN_DIR/done/demo"
    rm -rf "$work"
}
