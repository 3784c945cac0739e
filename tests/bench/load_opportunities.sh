# shellcheck shell=bash
# Opportunities of generated customers, straight into the tables of a new stack.

OPPORTUNITY_OWNERS=200 # half of them in one department

sales_sql() { bulk_sql opportunity "$@"; }

owner_id() { printf '00000000-0000-7000-8000-%012d' "$1"; }
customer_id() { printf '00000000-0000-7000-9000-%012d' "$1"; }

# load_opportunity_rows COUNT PATH [BUT]: in place of those that are there; PATH is the department's; BUT as of indexes_drop; indexes_make is due
load_opportunity_rows() {
    indexes_drop opportunity opportunities "${3:-}"
    sales_sql <<SQL
TRUNCATE opportunities, customer_ref CASCADE;
INSERT INTO user_ref (user_id, name, department)
SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, '销售' || n, CASE WHEN n % 2 = 0 THEN '$2' ELSE '999' END
FROM generate_series(0, $OPPORTUNITY_OWNERS - 1) n ON CONFLICT DO NOTHING;
INSERT INTO customer_ref (customer_id, customer_code, customer_name, status, version, is_referred)
SELECT ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, 'C' || n, '客户' || n, '活跃', 1, true FROM generate_series(0, 19999) n;
INSERT INTO opportunities (opportunity_id, opportunity_name, customer_id, estimated_amount, expected_close_date, pipeline_id, sales_stage_id,
                           win_probability, assigned_to, status, sales_plan, created_by, created_time)
SELECT uuid_v7(), '机会' || n, ('00000000-0000-7000-9000-' || lpad((n % 20000)::text, 12, '0'))::uuid, (random() * 1000000)::numeric(15, 2),
       current_date + n % 365, s.pipeline_id, s.stage_id, s.win_probability,
       ('00000000-0000-7000-8000-' || lpad((n / 8 % $OPPORTUNITY_OWNERS)::text, 12, '0'))::uuid, s.stage_kind, repeat('计划', 30),
       '00000000-0000-7000-8000-000000000000', now() - n * interval '60 s'
FROM generate_series(1, $1) n JOIN (SELECT *, row_number() OVER (ORDER BY sort_order) AS place FROM stages) s ON s.place = 1 + (n * 7919::bigint) % 8;
SELECT board_sums_make();
SQL
}

# load_opportunities COUNT PATH: without the indexes of keywords, which a board has nothing to do with
load_opportunities() {
    load_opportunity_rows "$1" "$2" 'search|grams|texts'
    indexes_make
    sales_sql -c "VACUUM ANALYZE"
}

