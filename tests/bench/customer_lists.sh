# shellcheck shell=bash
# Customers by every filter, keywords of all kinds, sorts and pages.

values_of() { owner_sql -c "SELECT $1 FROM customers WHERE deleted_time IS NULL AND $1 IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC"; }
some_of() { awk '{ v[NR] = $0 } END { print v[1]; print v[int((NR + 1) / 2)]; print v[NR] }' | sort -u; }

customer_filters() {
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
    curl -sS --max-time 30 -H "Authorization: Bearer $(<"$WORK/token")" "$LIST_URL/$(head -n 1 "$WORK/ids")" |
        sed 's/.*"'"$1"'":"\([^"]*\)".*/\1/'
}

customer_keywords() {
    local word
    for word in 药 懿 懿禾 王芳 王伟 鑁鑁 连锁 科技 上海 有限 公司 懿禾药 张涵强 生物科 大药房 生物科技 有限公司 苏州诸葛大药房 \
        yiheyaoye shanghai shdyf yxgs gongsi qv sh "$(owner_sql -c "SELECT customer_code FROM customers OFFSET $N / 3 LIMIT 1")" \
        "$(shown phone)" "$(shown email)"; do
        list_case keyword "$word" "keyword=$(encoded "$word")"
    done
}

cursor() { curl -sS --max-time 30 -H "Authorization: Bearer $(<"$WORK/token")" "$LIST_URL" | sed 's/.*"next_cursor":"\([^"]*\)".*/\1/'; }

customer_others() {
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

# customer_total CONDITION QUERY
customer_total() { same_total "$(owner_sql -c "SELECT count(*) FROM customers WHERE deleted_time IS NULL AND $1")" "$2"; }

customers_lists() {
    lists_begin "$CUSTOMER_SERVICE_URL/api/v1/customers"
    owner_sql -c "TRUNCATE list_total"
    customer_filters
    customer_keywords
    customer_others
    customer_total "status = '活跃'" "status=$(encoded 活跃)"
    customer_total "search_text LIKE '%有限%'" "keyword=$(encoded 有限)"
    customer_total "search_text LIKE '%王芳%'" "keyword=$(encoded 王芳)"
    customer_total "search_text LIKE '%shanghai%'" "keyword=shanghai"
    customer_total "customer_level = 'A' AND status = '潜在'" "customer_level=A&status=$(encoded 潜在)"
}
