# shellcheck shell=bash
# N generated customers with their contacts.

owner_sql() { bulk_sql customer "$@"; }

CONTACT_COLUMNS=contact_id,customer_id,contact_name,gender,title,phone,phone_index,email,email_index,owner_id,created_by,created_time,updated_by,updated_time,pinyin
CUSTOMER_COLUMNS=customer_id,customer_code,customer_name,customer_type,primary_contact_id,primary_contact,phone,phone_index,email,email_index,address,\
customer_level,industry_id,company_size,credit_limit,payment_terms,region_id,source_channel,tags,status,created_by,created_time,\
updated_by,updated_time,description,deleted_time,pinyin

# seed_copy TABLE COLUMNS ARGUMENT...: of seed
seed_copy() {
    local table=$1 columns=$2
    shift 2
    "$SEED" "$@" | owner_sql -c "COPY $table ($columns) FROM STDIN"
}

# In place of those that are there; indexes_make is due.
load_customer_rows() {
    export DATA_KEYS_FILE=$CUSTOMER_SERVICE_DATA_KEYS_FILE
    indexes_drop customer customers
    indexes_drop customer contacts
    owner_sql -c "TRUNCATE customers, contacts, list_total CASCADE" -c "DELETE FROM user_ref WHERE user_id::text LIKE '018f3c5e-7a10-7000-8000-0003%'"
    seed_copy user_ref "user_id, name" users
    seed_copy contacts "$CONTACT_COLUMNS" contacts 1 "$N" &
    seed_copy customers "$CUSTOMER_COLUMNS" customers 1 "$N"
    wait $!
    owner_sql -c "SELECT FROM setval('customer_code_seq', $N)"
}

# Ids of 20,000 of them: $WORK/ids
customer_ids() {
    owner_sql -c "SELECT customer_id FROM customers WHERE deleted_time IS NULL ORDER BY md5(customer_id::text) LIMIT 20000" >"$WORK/ids"
}

load_customers() {
    bulk_begin
    load_customer_rows
    indexes_make
    bulk_end
    customer_ids
}
