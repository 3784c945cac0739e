#!/usr/bin/env bash
# Measures what identity and data protection cost: tests/bench/identity.sh
# Reads beside fifty logins a second, the time until a revoked token is denied, a token's check, masking and decryption in a list.
# Starts a stack of its own and removes it. Writes docs/performance-identity.md.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TOP=$(cd "$HERE/../.." && pwd -P)
N=20000      # customers
LOGINS=50    # a second
READS=500    # a second, beside them
RUN_S=10
REVOCATIONS=10
COST=${COST:-$TOP/build/release/tests/bench/cost}

# shellcheck source=tests/bench/stack.sh
. "$HERE/stack.sh"
# shellcheck source=tests/bench/report.sh
. "$HERE/report.sh"
# shellcheck source=tests/bench/bulk.sh
. "$HERE/bulk.sh"
# shellcheck source=tests/bench/load_customers.sh
. "$HERE/load_customers.sh"
# shellcheck source=tests/bench/driving.sh
. "$HERE/driving.sh"
# shellcheck source=tests/bench/people.sh
. "$HERE/people.sh"

# --- reads beside logins -------------------------------------------------------------------------------------------------

reads() {
    drive 16 "$CUSTOMER_SERVICE_URL" -w 1 -d "$RUN_S" -p -r "$READS"
    result "$1_p50_us" "$(figure p50_us)"
    result "$1_p99_us" "$(figure p99_us)"
    result "$1_failed" "$(figure failures)"
}

logins() {
    local out=$WORK/logins
    user_make dengluzhe SALES_REP
    printf '1\tlogin\tPOST\t/api/v1/auth/login\t{"username":"dengluzhe","password":"%s"}\n' "$PASSWORD" >"$WORK/login.mix"
    reads get_alone
    timeout 60 "$DRIVE" -j -n -c 256 -w 1 -d "$RUN_S" -p -r "$LOGINS" -m "$WORK/login.mix" "$AUTH_SERVICE_URL" >"$out" &
    reads get_with_logins
    wait $!
    result logins_per_second "$(DRIVE_OUT=$out figure per_second)"
    result logins_failed "$(DRIVE_OUT=$out figure failures)"
    result login_p99_ms "$(DRIVE_OUT=$out figure p99_us | awk '{ printf "%.0f", $1 / 1000 }')"
}

# --- from revocation to denial -----------------------------------------------------------------------------------------

status_with() { curl -sS -o /dev/null --max-time 5 --cacert "$CA_CERT" -w '%{http_code}' -H "Authorization: Bearer $1" "$2"; }

# Milliseconds from the answer to DELETE until gateway, customer-service and auth-service all deny the token.
denied_after() {
    local token begun url
    token=$(token_of chexiaozhe)
    for url in "$BASE_URL/api/v1/dictionaries" "$CUSTOMER_SERVICE_URL/api/v1/dictionaries" "$AUTH_SERVICE_URL/api/v1/auth/validate"; do
        [ "$(status_with "$token" "$url")" = 200 ] || die "a fresh token is not accepted by $url"
    done
    api DELETE "$AUTH_SERVICE_URL/api/v1/users/$1/sessions" >/dev/null
    begun=$(date +%s%N)
    for url in "$BASE_URL/api/v1/dictionaries" "$CUSTOMER_SERVICE_URL/api/v1/dictionaries" "$AUTH_SERVICE_URL/api/v1/auth/validate"; do
        until [ "$(status_with "$token" "$url")" = 401 ]; do [ $(($(date +%s%N) - begun)) -lt 5000000000 ] || break; done
    done
    echo $((($(date +%s%N) - begun) / 1000000))
}

# revocations NAME
revocations() {
    local i id
    id=$(api GET "$AUTH_SERVICE_URL/api/v1/users?keyword=chexiaozhe" | sed 's/.*"user_id":"\([^"]*\)".*/\1/')
    for ((i = 0; i < REVOCATIONS; i++)); do denied_after "$id"; done | sort -n >"$WORK/denied.$1"
    result "denied_ms_$1_p50" "$(median <"$WORK/denied.$1")"
    result "denied_ms_$1_max" "$(tail -n 1 "$WORK/denied.$1")"
}

# The supervisor is stopped meanwhile: it would start Redis again.
without_redis() {
    local supervisor redis
    supervisor=$(<"$SUPERVISOR_PID_FILE") redis=$(<"$REDIS_PID_FILE")
    kill -STOP "$supervisor"
    kill -KILL "$redis"
    revocations redis_down
    kill -CONT "$supervisor"
}

# --- single costs ----------------------------------------------------------------------------------------------------------

costs() {
    local before after requests name us
    while read -r name us; do result "$name" "$us"; done < <("$COST")
    token_of kanbuchu >"$WORK/token.masked"
    for _ in 1 2; do
        before="$(ticks "$(<"$CUSTOMER_SERVICE_PID_FILE")") $(backend_ticks)"
        timeout 30 "$DRIVE" -j -c 16 -d 4 -t "$WORK/token.masked" "$CUSTOMER_SERVICE_URL/api/v1/customers?size=10" >"$WORK/drive"
        after="$(ticks "$(<"$CUSTOMER_SERVICE_PID_FILE")") $(backend_ticks)"
    done
    requests=$(figure requests)
    # shellcheck disable=SC2086
    set -- $before $after
    result list_cpu_us "$(awk -v t=$(($3 - $1)) -v n="$requests" 'BEGIN { printf "%.1f", t * 10000 / n }')"
    result list_cpu_us_postgres "$(awk -v t=$(($4 - $2)) -v n="$requests" 'BEGIN { printf "%.1f", t * 10000 / n }')"
    result list_protection_share "$(awk '{ v[$1] = $2 } END { printf "%.3f", v["protection_us"] / (v["list_cpu_us"] + v["list_cpu_us_postgres"] - v["protection_us"]) }' "$WORK/results")"
}

# --- report ------------------------------------------------------------------------------------------------------------------

goals() {
    cat <<TABLE
get_with_logins_p99_us <= 10000
get_with_logins_failed <= 0
logins_per_second      >= 45
logins_failed          <= 0
denied_ms_redis_up_max   <= 1000
denied_ms_redis_down_max <= 1000
token_check_us         <= 5
list_protection_share  <= 0.1
TABLE
}

identity_document() {
    cat <<DOC
# What identity and data protection cost

Written by \`make bench-identity\` on $(date -u +%Y-%m-%d): $(nproc) CPUs ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $N customers.
Clients, services and database share the machine.

| figure | value | goal | reached |
|---|---:|---:|---|
$(goals_reached | awk -F'\t' '{ printf "| %s | %s | %s | %s |\n", $1, $2, $3, $4 }')

| figure | value |
|---|---:|
$(awk '{ printf "| %s | %s |\n", $1, $2 }' "$WORK/results")

- **Reads beside logins**: $READS GETs a second on customer-service, at random (Poisson), alone and beside $LOGINS logins a second (Argon2id,
  9 MiB) on auth-service, each on a connection of its own, $RUN_S s each.
- **Denied**: from the answer to \`DELETE /api/v1/users/{user_id}/sessions\` until gateway, customer-service and auth-service have all answered
  401 to the token; $REVOCATIONS times, with Redis, and with Redis killed.
- **token_check_us**: a token that was verified before: looked up, its time and the list of revocations checked.
- **list_protection_share**: CPU of opening and masking thirty values (ten rows with phone, e-mail and address), measured in a loop, over the rest
  of the CPU that a list of ten costs the service and PostgreSQL, for a reader who sees masks.
DOC
}

stack_start
PG_PID=$(<"$PG_PID_FILE")
load_customers
user_make chexiaozhe SALES_REP
user_make kanbuchu AUDITOR
logins
revocations redis_up
without_redis
costs
goals_reached | awk -F'\t' '{ printf "%-34s %10s  %-8s %s\n", $1, $2, $3, $4 == "yes" ? "reached" : "MISSED" }'
identity_document >"$TOP/docs/performance-identity.md"
