# shellcheck shell=bash
# Opportunities of generated customers, straight into the tables of a new stack.

sales_sql() { bulk_sql opportunity "$@"; }

# load_opportunity_rows COUNT PATH [BUT]: in place of those that are there; PATH is the department's, of half of the sellers; BUT as of
# indexes_drop; indexes_make is due
load_opportunity_rows() {
    indexes_drop opportunity opportunities "${3:-}"
    sales_sql <<SQL
TRUNCATE opportunities, customer_ref CASCADE;
$(sellers_sql department "CASE WHEN n % 2 = 0 THEN '$2' ELSE '999' END")
INSERT INTO customer_ref (customer_id, customer_code, customer_name, status, version, is_referred)
SELECT $(id_sql 9000 n), 'C' || n, '客户' || n, '活跃', 1, true FROM generate_series(0, $BUYERS - 1) n;
INSERT INTO opportunities (opportunity_id, opportunity_name, customer_id, estimated_amount, expected_close_date, pipeline_id, sales_stage_id,
                           win_probability, product_type, assigned_to, status, sales_plan, created_by, created_time)
SELECT $(id_sql c000 n), '机会' || n, $(id_sql 9000 "n % $BUYERS"), (random() * 1000000)::numeric(15, 2), current_date + n % 365,
       s.pipeline_id, s.stage_id, s.win_probability, $(one_of 1 药品 医疗器械 影像设备 耗材 冷链),
       $(id_sql 8000 "n / 8 % $SELLERS"), s.stage_kind, repeat('计划', 30), '$(id_of 8000 0)', now() - n * interval '60 s'
FROM generate_series(1, $1) n JOIN (SELECT *, row_number() OVER (ORDER BY sort_order) AS place FROM stages) s ON s.place = 1 + (n * 7919::bigint) % 8;
INSERT INTO stage_history (opportunity_id, sequence, to_stage_id, created_time)
SELECT opportunity_id, 1, sales_stage_id, created_time FROM opportunities;
SELECT board_sums_make();
SQL
}

# load_opportunities COUNT PATH: without the indexes of keywords, which a board has nothing to do with
load_opportunities() {
    load_opportunity_rows "$1" "$2" 'search|grams|texts'
    indexes_make
    sales_sql -c "VACUUM ANALYZE"
}
