# shellcheck shell=bash
# Opportunities by each filter and by keywords, and the report over them, the board.

opportunity_filters() {
    local value
    for value in 进行中 赢单 输单 无效; do list_case filter "status=$value" "status=$(encoded "$value")"; done
    list_case filter "sales_stage_id" "sales_stage_id=$(sales_sql -c "SELECT stage_id FROM stages ORDER BY sort_order LIMIT 1")"
    list_case filter "pipeline_id" "pipeline_id=$(sales_sql -c "SELECT pipeline_id FROM pipelines WHERE is_default")"
    list_case filter "product_type" "product_type=$(encoded 影像设备)"
    list_case filter "customer_id" "customer_id=$(id_of 9000 7)"
    list_case filter "assigned_to" "assigned_to=$(id_of 8000 7)"
    list_case filter "dates: a month" "start_date=$(date -d '60 days ago' +%F)&end_date=$(date -d '30 days ago' +%F)"
}

opportunity_keywords() {
    local word
    for word in 机会 会7 机会79 客户 客户791 "机会$((N / 3))"; do list_case keyword "$word" "keyword=$(encoded "$word")"; done
}

opportunity_others() {
    list_case other "no filter" "size=10"
    list_case other "by amount" "sort=estimated_amount"
    list_case other "by name" "sort=opportunity_name&order=asc"
    list_case other "by probability" "sort=win_probability"
    list_case other "by update" "sort=updated_time"
}

boards() {
    LIST_URL=$1
    list_case report "board" ""
    list_case report "board: an owner's" "assigned_to=$(id_of 8000 7)"
    list_case report "board: a year" "start_date=$(date -d '1 year ago' +%F)"
}

# opportunity_total CONDITION QUERY
opportunity_total() { same_total "$(sales_sql -c "SELECT count(*) FROM opportunities WHERE deleted_time IS NULL AND $1")" "$2"; }

opportunities_lists() {
    lists_begin "$OPPORTUNITY_SERVICE_URL/api/v1/opportunities"
    sales_sql -c "TRUNCATE list_total"
    opportunity_filters
    opportunity_keywords
    opportunity_others
    opportunity_total "status = '赢单'" "status=$(encoded 赢单)"
    opportunity_total "customer_id IN (SELECT customer_id FROM customer_ref WHERE customer_name LIKE '%客户791%')" "keyword=$(encoded 客户791)"
    boards "$LIST_URL/board"
    LIST_URL=$OPPORTUNITY_SERVICE_URL/api/v1/opportunities/$(id_of c000 7)/stage-history
    list_case other "stage history" ""
}
