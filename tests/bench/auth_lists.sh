# shellcheck shell=bash
# Users, and the audit's records, by each filter and in each order.

users_lists() {
    local word
    lists_begin "$AUTH_SERVICE_URL/api/v1/users"
    list_case filter "status" "status=$(encoded 停用)"
    list_case filter "department_id" "department_id=$(id_of f000 7)"
    for word in 王芳 芳 李伟7 xiaoshou; do list_case keyword "$word" "keyword=$(encoded "$word")"; done
    list_case other "no filter" "size=10"
    list_case other "by user name" "sort=username&order=asc"
    list_case other "by name" "sort=name&order=asc"
    list_case other "by update" "sort=updated_time"
}

audit_filters() {
    local value
    for value in 200 403; do list_case filter "status=$value" "status=$value"; done
    for value in PATCH DELETE; do list_case filter "method=$value" "method=$value"; done
    list_case filter "operation" "operation=createOrder"
    list_case filter "user_id" "user_id=$(id_of 8000 7)"
    list_case filter "username" "username=xiaoshou7"
    list_case filter "session_id" "session_id=$(id_of 8001 730)"
    list_case filter "address" "address=10.3.0.7"
    list_case filter "client_request_id" "client_request_id=r-$(audit_day 7 +%y%m%d)000007"
    list_case filter "resource_id" "resource_id=$(id_of 9000 7)"
    list_case filter "error" "error=FORBIDDEN"
    list_case filter "three filters" "username=xiaoshou7&method=PATCH&status=200"
    list_case filter "day" "day=$(audit_day 7)"
    list_case filter "dates: a week" "start_date=$(audit_day 14)&end_date=$(audit_day 7)"
}

audit_lists() {
    lists_begin "$AUTH_SERVICE_URL/api/v1/audit-logs"
    audit_filters
    list_case other "no filter" "size=10"
    same_total "$(auth_sql -c "SELECT count(*) FROM audit_records WHERE status = 403")" "status=403"
}
