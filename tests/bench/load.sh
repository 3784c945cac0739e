# shellcheck shell=bash
# N generated customers with their contacts, straight into the tables: triggers off, indexes made afterwards.

owner_sql() { PGOPTIONS="-c client_min_messages=warning -c search_path=customer,public -c session_replication_role=replica \
-c maintenance_work_mem=1GB -c statement_timeout=600s" psql -XqAt -v ON_ERROR_STOP=1 "$DATABASE_ADMIN_URL" "$@"; }

CONTACT_COLUMNS=contact_id,customer_id,contact_name,gender,title,phone,phone_index,email,email_index,owner_id,created_by,created_time,updated_by,updated_time,pinyin
CUSTOMER_COLUMNS=customer_id,customer_code,customer_name,customer_type,primary_contact_id,primary_contact,phone,phone_index,email,email_index,address,\
customer_level,industry_id,company_size,credit_limit,payment_terms,region_id,source_channel,tags,status,created_by,created_time,\
updated_by,updated_time,description,deleted_time,pinyin

load_indexes() {
    owner_sql -c "SELECT $1 FROM pg_indexes WHERE schemaname = 'customer' AND tablename IN ('customers', 'contacts') AND indexname !~ 'pkey'"
}

load() {
    local begun=$SECONDS
    load_indexes "indexdef || ';'" >"$WORK/create.sql"
    load_indexes "format('DROP INDEX %I;', indexname)" >"$WORK/drop.sql"
    owner_sql -f "$WORK/drop.sql"
    export DATA_KEYS_FILE=$CUSTOMER_SERVICE_DATA_KEYS_FILE
    "$SEED" users | owner_sql -c "COPY user_ref (user_id, name) FROM STDIN"
    "$SEED" contacts 1 "$N" | owner_sql -c "COPY contacts ($CONTACT_COLUMNS) FROM STDIN"
    "$SEED" customers 1 "$N" | owner_sql -c "COPY customers ($CUSTOMER_COLUMNS) FROM STDIN"
    owner_sql -f "$WORK/create.sql"
    owner_sql -c "SELECT setval('customer_code_seq', $N)" >/dev/null
    owner_sql -c "VACUUM ANALYZE"
    owner_sql -c "SELECT customer_id FROM customers WHERE deleted_time IS NULL ORDER BY md5(customer_id::text) LIMIT 20000" >"$WORK/ids"
    result load_seconds $((SECONDS - begun))
}
