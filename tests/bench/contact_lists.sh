# shellcheck shell=bash
# Contacts of generated customers, by each filter and by keywords.

contact_keywords() {
    local word
    for word in 王芳 王伟 芳 张涵强 鑁鑁 wangfang wf; do list_case keyword "$word" "keyword=$(encoded "$word")"; done
}

contacts_lists() {
    lists_begin "$CUSTOMER_SERVICE_URL/api/v1/contacts"
    list_case filter "customer_id" "customer_id=$(head -n 1 "$WORK/ids")"
    list_case filter "dates: a month" "start_date=$(date -d '60 days ago' +%F)&end_date=$(date -d '30 days ago' +%F)"
    contact_keywords
    list_case other "no filter" "size=10"
    list_case other "by name" "sort=contact_name&order=asc"
    list_case other "by update" "sort=updated_time"
    same_total "$(owner_sql -c "SELECT count(*) FROM contacts WHERE deleted_time IS NULL AND search_text LIKE '%王芳%'")" "keyword=$(encoded 王芳)"
}
