# shellcheck shell=bash
# Users, and the audit's records of what they did.

AUDIT_MONTHS=2 # whole ones, before this one

# shellcheck disable=SC2120  # lists pass some
auth_sql() { bulk_sql auth "$@"; }

# load_user_rows COUNT: in place of those generated before; nobody can log in as one
load_user_rows() {
    auth_sql <<SQL
TRUNCATE list_total;
DELETE FROM users WHERE user_id::text LIKE '00000000-0000-7000-8000-%';
INSERT INTO users (user_id, username, password_hash, name, status, roles, created_time, updated_time)
SELECT $(id_sql 8000 n), 'xiaoshou' || n, '!', $(one_of 1 王芳 李伟 张敏 刘洋 陈静 杨磊) || n, $(one_of 2 启用 启用 启用 停用), '["SALES_REP"]',
       now() - n * interval '1 hour', now() - $(hashed 3 1000) * interval '1 hour'
FROM generate_series(0, $1 - 1) n;
SQL
}

# audit_day N: the Nth before this month
audit_day() { date -ud "$(date -u +%Y-%m-01) $1 days ago" "${2:-+%F}"; }

# audit_month_sql FIRST COUNT USERS: records of the month with this first day. They get their indexes when all are there.
audit_month_sql() {
    local month=audit_records_${1:0:4}${1:5:2} days
    days=$(date -ud "$1 1 month 1 day ago" +%d)
    cat <<SQL
DROP TABLE IF EXISTS $month;
CREATE TABLE $month (LIKE audit_records);
INSERT INTO $month (day, sequence, hash, log_id, time, user_id, username, session_id, address, user_agent, client_request_id, method,
                operation, path, resource_id, status, error, changes, latency_us, created_time)
SELECT '$1'::date + d, s, '\x00', gen_random_uuid(), a.at, $(id_sql 8000 a.who), 'xiaoshou' || a.who, $(id_sql 8001 "a.who * 100 + n % 100"),
       '10.' || a.who % 4 || '.0.' || a.who % 250, 'Mozilla/5.0', 'r-' || n, o.method, o.operation, o.path || a.record, a.record,
       CASE WHEN a.error IS NULL THEN o.status ELSE 403 END, a.error,
       CASE WHEN o.method = 'PATCH' AND a.error IS NULL THEN '{"description": [null, "已回访"]}'::jsonb END, 1000 + n % 5000, a.at
FROM generate_series(0, $days - 1) d CROSS JOIN generate_series(1, $2 / $days) s
CROSS JOIN LATERAL (SELECT to_char('$1'::date + d, 'YYMMDD')::bigint * 1000000 + s AS n) r
CROSS JOIN LATERAL (
    SELECT $(hashed 1 "$3") AS who, $(id_sql 9000 "$(hashed 2 "$BUYERS")")::text AS record,
           '$1T00:00:00Z'::timestamptz + d * interval '1 day' + (s - 1) * interval '1 day' / ($2 / $days) AS at,
           CASE WHEN $(hashed 3 50) = 0 THEN 'FORBIDDEN' END AS error) a
JOIN (VALUES (0, 'PATCH', 'updateCustomer', '/api/v1/customers/', 200), (1, 'POST', 'createOrder', '/api/v1/orders/', 201),
             (2, 'POST', 'createCustomer', '/api/v1/customers/', 201), (3, 'DELETE', 'deleteContact', '/api/v1/contacts/', 204))
     o (place, method, operation, path, status) ON o.place = $(hashed 4 4);
SELECT audit_attach('$1') \\g /dev/null
SQL
}

# load_audit_rows COUNT USERS: in place of those that are there. Their chain is none: nothing here asks for it.
load_audit_rows() {
    local month
    for ((month = 1; month <= AUDIT_MONTHS; month++)); do
        audit_month_sql "$(date -ud "$(date -u +%Y-%m-01) $month months ago" +%F)" $(($1 / AUDIT_MONTHS)) "$2"
    done | auth_sql
}
