# shellcheck shell=bash
# Leads by each filter, by keywords and in each order.

lead_filters() {
    local value
    for value in 未跟进 跟进中 已转化 无效; do list_case filter "status=$value" "status=$(encoded "$value")"; done
    for value in 展会 官网 其他; do list_case filter "source_channel=$value" "source_channel=$(encoded "$value")"; done
    for value in 药品 冷链; do list_case filter "product_type=$value" "product_type=$(encoded "$value")"; done
    list_case filter "assigned_to" "assigned_to=$(sales_sql -c "SELECT assigned_to FROM leads GROUP BY 1 ORDER BY count(*) DESC OFFSET 99 LIMIT 1")"
    list_case filter "dates: a month" "start_date=2021-01-01&end_date=2021-01-31"
}

leads_lists() {
    local word
    lists_begin "$OPPORTUNITY_SERVICE_URL/api/v1/leads"
    lead_filters
    for word in 懿 懿禾 王芳 采购冷链 有限公司 生物科技 yiheyaoye shanghai qv; do list_case keyword "$word" "keyword=$(encoded "$word")"; done
    list_case other "no filter" "size=10"
    list_case other "by name" "sort=lead_name&order=asc"
    list_case other "by amount" "sort=estimated_amount"
    list_case other "by update" "sort=updated_time"
    same_total "$(sales_sql -c "SELECT count(*) FROM leads WHERE status = '跟进中'")" "status=$(encoded 跟进中)"
    same_total "$(sales_sql -c "SELECT count(*) FROM leads WHERE search_text LIKE '%采购冷链%'")" "keyword=$(encoded 采购冷链)"
}
