# shellcheck shell=bash
# Every filter, keywords of all kinds, sorts and pages: the first request after all stored totals are gone, then 20 more.

REPEATS=20

# One request per line of a curl configuration: "milliseconds status".
list_times() {
    local i
    for ((i = 0; i < $2; i++)); do
        printf 'url = "%s?%s"\noutput = "/dev/null"\n' "${LIST_URL:-$CUSTOMER_SERVICE_URL/api/v1/customers}" "$1"
    done | curl -sS --max-time 30 -H "Authorization: Bearer $(<"$WORK/token")" -w '%{time_total} %{http_code}\n' -K - | awk '{ print $1 * 1000, $2 }'
}

encoded() { printf %s "$1" | od -An -v -tx1 | tr -d '\n' | tr ' ' '%'; }

# list_case KIND NAME QUERY
list_case() {
    list_times "$3" 1 >"$WORK/first"
    list_times "$3" "$REPEATS" | sort -n >"$WORK/times"
    awk -v kind="$1" -v name="$2" -v cold="$(cut -d' ' -f1 "$WORK/first")" '
        { ms[NR] = $1; if ($2 != 200) bad++ }
        END { printf "%s\t%s\t%.1f\t%.1f\t%.1f\t%.1f\t%d\n", kind, name, cold, ms[int(NR * .5)], ms[int(NR * .95)], ms[NR], bad }
    ' "$WORK/times" >>"$WORK/lists"
}

values_of() { owner_sql -c "SELECT $1 FROM customers WHERE deleted_time IS NULL AND $1 IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC"; }
some_of() { awk '{ v[NR] = $0 } END { print v[1]; print v[int((NR + 1) / 2)]; print v[NR] }' | sort -u; }

filters() {
    local column value
    for column in customer_type status customer_level company_size source_channel; do
        while read -r value; do list_case filter "$column=$value" "$column=$(encoded "$value")"; done < <(values_of "$column")
    done
    for column in industry_id region_id created_by; do
        while read -r value; do list_case filter "$column=$value" "$column=$value"; done < <(values_of "$column" | some_of)
    done
}

# A field of some customer, as the service shows it: the database has it encrypted.
shown() {
    curl -sS --max-time 30 -H "Authorization: Bearer $(<"$WORK/token")" "$CUSTOMER_SERVICE_URL/api/v1/customers/$(head -n 1 "$WORK/ids")" |
        sed 's/.*"'"$1"'":"\([^"]*\)".*/\1/'
}

keywords() {
    local word
    for word in 药 懿 懿禾 王芳 王伟 鑁鑁 连锁 科技 上海 有限 公司 懿禾药 张涵强 生物科 大药房 生物科技 有限公司 苏州诸葛大药房 \
        yiheyaoye shanghai shdyf yxgs gongsi qv sh "$(owner_sql -c "SELECT customer_code FROM customers OFFSET $N / 3 LIMIT 1")" \
        "$(shown phone)" "$(shown email)"; do
        list_case keyword "$word" "keyword=$(encoded "$word")"
    done
}

cursor() { curl -sS --max-time 30 -H "Authorization: Bearer $(<"$WORK/token")" "$CUSTOMER_SERVICE_URL/api/v1/customers" | sed 's/.*"next_cursor":"\([^"]*\)".*/\1/'; }

others() {
    list_case other "no filter" "size=10"
    list_case other "200 a page" "size=200"
    list_case other "by name" "sort=customer_name&order=asc"
    list_case other "by update" "sort=updated_time"
    list_case other "by code" "sort=customer_code"
    list_case other "page $((N / 20))" "page=$((N / 20))"
    list_case other "page 2 by cursor" "cursor=$(cursor)"
    list_case other "three filters" "status=$(encoded 活跃)&customer_type=$(encoded 企业)&customer_level=A"
    list_case other "a keyword and a filter" "keyword=$(encoded 科技)&status=$(encoded 活跃)"
}

# The service's total and PostgreSQL's own count.
total_check() {
    local total counted
    total=$(curl -sS --max-time 30 -H "Authorization: Bearer $(<"$WORK/token")" "$CUSTOMER_SERVICE_URL/api/v1/customers?size=1&$1" | sed 's/.*"total":\([0-9]*\).*/\1/')
    counted=$(owner_sql -c "SELECT count(*) FROM customers WHERE deleted_time IS NULL AND $2")
    [ "$total" = "$counted" ] || WRONG_TOTALS=$((WRONG_TOTALS + 1))
}

worst() { awk -F'\t' -v kind="$1" '$1 == kind && $5 > worst { worst = $5 } END { print worst }' "$WORK/lists"; }

lists() {
    WRONG_TOTALS=0
    owner_sql -c "TRUNCATE list_total"
    filters
    keywords
    others
    total_check "status=$(encoded 活跃)" "status = '活跃'"
    total_check "keyword=$(encoded 有限)" "search_text LIKE '%有限%'"
    total_check "keyword=$(encoded 王芳)" "search_text LIKE '%王芳%'"
    total_check "keyword=shanghai" "search_text LIKE '%shanghai%'"
    total_check "customer_level=A&status=$(encoded 潜在)" "customer_level = 'A' AND status = '潜在'"
    result filter_p95_ms_worst "$(worst filter)"
    result keyword_p95_ms_worst "$(worst keyword)"
    result other_p95_ms_worst "$(worst other)"
    result lists_over_100_ms "$(awk -F'\t' '$5 > 100' "$WORK/lists" | wc -l)"
    result first_request_ms_worst "$(awk -F'\t' '$3 > worst { worst = $3 } END { print worst }' "$WORK/lists")"
    result lists_failed "$(awk -F'\t' '{ n += $7 } END { print n + 0 }' "$WORK/lists")"
    result wrong_totals "$WRONG_TOTALS"
}
