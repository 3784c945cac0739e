# shellcheck shell=bash disable=SC2034  # LIST_URL is for lists.sh
# Orders by each filter and by keywords.

order_filters() {
    local value
    for value in 草稿 审批中 已审批 已驳回 处理中 部分发货 已发货 已完成 已取消 退货中; do list_case filter "order_status=$value" "order_status=$(encoded "$value")"; done
    for value in 未付款 部分付款 已付款 已退款; do list_case filter "payment_status=$value" "payment_status=$(encoded "$value")"; done
    for value in 待同步 已同步 失败; do list_case filter "erp_sync_status=$value" "erp_sync_status=$(encoded "$value")"; done
    list_case filter "customer_id" "customer_id=$(id_of 9000 7)"
    list_case filter "assigned_to" "assigned_to=$(id_of 8000 7)"
    list_case filter "order_number" "order_number=SO20$(printf %08d $((N / 2)))"
    list_case filter "opportunity_id" "opportunity_id=$(id_of c000 7)"
    list_case filter "dates: a month" "start_date=$(date -d '60 days ago' +%F)&end_date=$(date -d '30 days ago' +%F)"
    list_case filter "dates: two years" "start_date=$(date -d '2 years ago' +%F)"
}

order_keywords() {
    local word
    for word in 懿禾 医药 有限公司 北京 康宁 上海康宁 深圳同济 7919医药 SO20 "SO20$(printf %08d $((N / 3)))" 0001 so2000; do
        list_case keyword "$word" "keyword=$(encoded "$word")"
    done
}

order_others() {
    list_case other "no filter" "size=10"
    list_case other "by amount" "sort=total_amount"
    list_case other "by number" "sort=order_number&order=asc"
    list_case other "by creation" "sort=created_time"
    list_case other "by update" "sort=updated_time"
    list_case other "a status of a customer" "customer_id=$(id_of 9000 7)&order_status=$(encoded 已完成)"
}

# order_total CONDITION QUERY
order_total() { same_total "$(order_sql -c "SELECT count(*) FROM orders WHERE deleted_time IS NULL AND $1")" "$2"; }

orders_lists() {
    lists_begin "$ORDER_SERVICE_URL/api/v1/orders"
    order_sql -c "TRUNCATE list_total"
    order_filters
    order_keywords
    order_others
    order_total "order_status = '已完成'" "order_status=$(encoded 已完成)"
    order_total "customer_id IN (SELECT customer_id FROM customer_ref WHERE customer_name LIKE '%懿禾%')" "keyword=$(encoded 懿禾)"
    order_total "customer_id IN (SELECT customer_id FROM customer_ref WHERE customer_name LIKE '%上海康宁%')" "keyword=$(encoded 上海康宁)"
}

# Of one order: what belongs to it does not grow.
payments_lists() {
    lists_begin "$ORDER_SERVICE_URL/api/v1/orders/$(id_of b000 7)/payments"
    list_case other "of an order" ""
    LIST_URL=$ORDER_SERVICE_URL/api/v1/orders/$(id_of b000 7)/history
    list_case other "history of an order" ""
}
