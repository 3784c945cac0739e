# shellcheck shell=bash
# Activities by each filter, by keywords and in each order; calendar, what is overdue, and reminders, whose totals change as time goes by.

activity_filters() {
    local value
    for value in 拜访 其他; do list_case filter "activity_type=$value" "activity_type=$(encoded "$value")"; done
    for value in 计划中 进行中 已完成 已取消; do list_case filter "status=$value" "status=$(encoded "$value")"; done
    for value in 高 中; do list_case filter "priority=$value" "priority=$(encoded "$value")"; done
    list_case filter "related_type" "related_type=$(encoded 机会)"
    list_case filter "related_id" "related_id=$(id_of 9000 7)"
    list_case filter "assigned_to" "assigned_to=$(id_of 8000 11)"
    list_case filter "dates: a month" "start_date=$(date -d '60 days ago' +%F)&end_date=$(date -d '30 days ago' +%F)"
}

# activity_times URL: those that the present decides
activity_times() {
    local month
    month="from=$(date -d '20 days ago' +%F)&to=$(date -d '10 days' +%F)"
    LIST_URL=$1/calendar
    list_case filter "calendar: a month" "$month"
    list_case filter "calendar: a seller's month" "$month&assigned_to=$(id_of 8000 11)"
    LIST_URL=$1/overdue
    list_case filter "overdue" ""
    list_case filter "overdue: a seller's" "assigned_to=$(id_of 8000 11)"
    same_total "$(sales_sql -c "SELECT count(*) FROM activities a WHERE activity_is_overdue(a)")" ""
    LIST_URL=$1/reminders
    list_case filter "reminders" ""
    list_case filter "reminders: a seller's" "assigned_to=$(id_of 8000 11)"
}

activities_lists() {
    local word
    lists_begin "$OPPORTUNITY_SERVICE_URL/api/v1/activities"
    activity_filters
    for word in 拜访 拜访客户 谈判 回访791 "客户$((BUYERS / 3))"; do list_case keyword "$word" "keyword=$(encoded "$word")"; done
    list_case other "no filter" "size=10"
    list_case other "by name" "sort=activity_name&order=asc"
    list_case other "by creation" "sort=created_time"
    list_case other "by update" "sort=updated_time"
    same_total "$(sales_sql -c "SELECT count(*) FROM activities WHERE status = '已取消'")" "status=$(encoded 已取消)"
    same_total "$(sales_sql -c "SELECT count(*) FROM activities WHERE search_text LIKE '%谈判%'")" "keyword=$(encoded 谈判)"
    activity_times "$LIST_URL"
}
