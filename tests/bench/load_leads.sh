# shellcheck shell=bash
# Leads, and activities about generated customers and opportunities.

LEAD_COLUMNS=lead_id,lead_name,company_name,contact_name,phone,phone_index,email,email_index,source_channel,product_type,estimated_amount,status,\
converted_customer_id,converted_time,assigned_to,created_by,created_time,updated_time,pinyin

# load_lead_rows COUNT: in place of those that are there; indexes_make is due
load_lead_rows() {
    indexes_drop opportunity leads
    sales_sql -c "TRUNCATE leads CASCADE"
    DATA_KEYS_FILE=$OPPORTUNITY_SERVICE_DATA_KEYS_FILE "$SEED" leads 1 "$1" | sales_sql -c "COPY leads ($LEAD_COLUMNS) FROM STDIN"
}

# load_activity_rows COUNT OPPORTUNITIES: of two years and the month to come, in place of those that are there; indexes_make is due. What is
# past is done but for three of a hundred, which are overdue.
load_activity_rows() {
    indexes_drop opportunity activities
    sales_sql <<SQL
TRUNCATE activities;
INSERT INTO activities (activity_id, activity_name, activity_type, related_type, related_id, start_time, end_time, reminder_time, assigned_to,
                        status, priority, completed_time, cancel_reason, created_by, created_time, updated_time)
SELECT $(id_sql e000 n), a.word || a.buyer, a.type, CASE WHEN a.sells THEN '机会' ELSE '客户' END,
       CASE WHEN a.sells THEN $(id_sql c000 "1 + n % $2") ELSE $(id_sql 9000 a.buyer) END,
       a.at, a.at + interval '1 hour', a.at - interval '1 day',
       $(id_sql 8000 a.seller), a.status, $(one_of 1 高 中 中 低),
       CASE a.status WHEN '已完成' THEN a.at END, CASE a.status WHEN '已取消' THEN '改期' END,
       '$(id_of 8000 0)', a.at - interval '7 days', a.at - interval '6 days'
FROM generate_series(1, $1) n CROSS JOIN LATERAL (
    SELECT $(hashed 2 "$BUYERS") AS buyer, $(hashed 3 "$SELLERS") AS seller, $(hashed 4 5) < 2 AS sells,
           $(one_of 5 拜访 电话 会议 邮件 演示 任务 其他) AS type, $(one_of 6 拜访客户 电话回访 方案讨论 合同谈判 产品演示 季度回顾) AS word,
           now() + interval '30 days' - $(hashed 7 760) * interval '1 day' - n % 36 * interval '15 minutes' AS at,
           $(hashed 8 100) AS chance) t CROSS JOIN LATERAL (
    SELECT t.*, CASE WHEN t.at > now() THEN '计划中' WHEN t.chance < 2 THEN '计划中' WHEN t.chance < 3 THEN '进行中'
                     WHEN t.chance < 8 THEN '已取消' ELSE '已完成' END AS status) a;
SQL
}
