# shellcheck shell=bash
# Quotes and products by each filter, by keywords and in each order.

quotes_lists() {
    local value
    lists_begin "$ORDER_SERVICE_URL/api/v1/quotes"
    for value in 草稿 已发出 已接受 已拒绝 已转订单; do list_case filter "quote_status=$value" "quote_status=$(encoded "$value")"; done
    list_case filter "customer_id" "customer_id=$(id_of 9000 7)"
    list_case filter "assigned_to" "assigned_to=$(id_of 8000 7)"
    list_case filter "quote_number" "quote_number=QT20$(printf %08d $((N / 2)))"
    list_case filter "dates: a month" "start_date=$(date -d '60 days ago' +%F)&end_date=$(date -d '30 days ago' +%F)"
    for value in 懿禾 有限公司 上海康宁 QT20 "QT20$(printf %08d $((N / 3)))" 0001; do list_case keyword "$value" "keyword=$(encoded "$value")"; done
    list_case other "no filter" "size=10"
    list_case other "by number" "sort=quote_number&order=asc"
    list_case other "by amount" "sort=total_amount"
    list_case other "by creation" "sort=created_time"
    list_case other "by update" "sort=updated_time"
    same_total "$(order_sql -c "SELECT count(*) FROM quotes WHERE quote_status = '已拒绝'")" "quote_status=$(encoded 已拒绝)"
    LIST_URL=$LIST_URL/$(id_of d000 7)/versions
    list_case other "versions of a quote" ""
}

products_lists() {
    local value
    lists_begin "$ORDER_SERVICE_URL/api/v1/products"
    for value in 在售 停售; do list_case filter "status=$value" "status=$(encoded "$value")"; done
    list_case filter "category" "category=$(encoded 耗材)"
    list_case filter "product_code" "product_code=P000007"
    for value in 阿莫 布洛芬 血压计 监护仪7 P00000 10mg; do list_case keyword "$value" "keyword=$(encoded "$value")"; done
    list_case other "no filter" "size=10"
    list_case other "by name" "sort=product_name&order=asc"
    list_case other "by price" "sort=unit_price"
    list_case other "by creation" "sort=created_time"
    list_case other "by update" "sort=updated_time"
    same_total "$(order_sql -c "SELECT count(*) FROM products WHERE search_text LIKE '%血压计%'")" "keyword=$(encoded 血压计)"
}
