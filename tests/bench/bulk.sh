# shellcheck shell=bash disable=SC2034  # BUYERS is for the loaders
# Rows straight into the tables of a service: without triggers, which would write an event, history and more for each, and with indexes that
# are made afterwards.

# bulk_sql SCHEMA ARGUMENT...: of psql
bulk_sql() {
    PGOPTIONS="-c client_min_messages=warning -c search_path=$1,public -c session_replication_role=replica -c maintenance_work_mem=1GB \
-c max_parallel_maintenance_workers=0 -c statement_timeout=3600s" psql -XqAt -v ON_ERROR_STOP=1 "$DATABASE_ADMIN_URL" "${@:2}"
}

# What PostgreSQL does by itself for tables that have changed a lot, and for what would be lost now, is done at the end, once.
BULK_SETTINGS=("autovacuum = off" "fsync = off" "max_wal_size = '16GB'" "checkpoint_timeout = '1h'" "wal_init_zero = off")

bulk_begin() {
    bulk_sql pg_catalog -f <(printf 'ALTER SYSTEM SET %s;' "${BULK_SETTINGS[@]}") -c "SELECT FROM pg_reload_conf()"
}

bulk_end() {
    bulk_sql pg_catalog -c "VACUUM ANALYZE" -c CHECKPOINT -f <(printf 'ALTER SYSTEM RESET %s;' "${BULK_SETTINGS[@]%% *}") -c "SELECT FROM pg_reload_conf()"
    sync
}

# indexes_drop SCHEMA TABLE [BUT]: all but primary keys; those that BUT matches are not made again
indexes_drop() {
    local of="FROM pg_indexes WHERE schemaname = '$1' AND tablename = '$2' AND indexname !~ 'pkey'"
    bulk_sql pg_catalog -c "SELECT indexdef $of AND indexname !~ '${3:-^$}'" >>"$WORK/indexes"
    bulk_sql pg_catalog -f <(bulk_sql pg_catalog -c "SELECT format('DROP INDEX %I.%I;', schemaname, indexname) $of")
}

export -f bulk_sql # for those that xargs starts
index_make() { bulk_sql pg_catalog -c "$1"; }
export -f index_make

# All that were dropped: one on each CPU, those of keywords first, as they take longest.
indexes_make() {
    export DATABASE_ADMIN_URL
    { grep ' gin ' "$WORK/indexes" || true; grep -v ' gin ' "$WORK/indexes"; } |
        xargs -d '\n' -P "$(nproc)" -I '{}' bash -c 'index_make "$1"' _ '{}'
    rm "$WORK/indexes"
}

# --- what generated rows are made of ----------------------------------------------------------------------------------------

SELLERS=200     # who own records
BUYERS=20000    # customers as the other services know them

# id_of KIND N: of a user (8000), customer (9000), product (a000), order (b000), opportunity (c000), quote (d000) or activity (e000)
id_of() { printf '00000000-0000-7000-%s-%012d' "$1" "$2"; }

# id_sql KIND EXPRESSION: the same in SQL
id_sql() { printf "('00000000-0000-7000-%s-' || lpad((%s)::text, 12, '0'))::uuid" "$1" "$2"; }

# hashed PLACE COUNT: one of so many for the row numbered n, independent of what another PLACE takes
hashed() { printf '((hashint8extended(n, %d) & 2147483647) %% %d)::int' "$1" "$2"; }

# one_of PLACE WORD...: a word for the row numbered n
one_of() {
    local words
    printf -v words ",'%s'" "${@:2}"
    printf '(ARRAY[%s])[1 + %s]' "${words:1}" "$(hashed "$1" $(($# - 1)))"
}

# sellers_sql [MORE COLUMNS] [THEIR VALUES]: those who own records, into user_ref
sellers_sql() {
    echo "INSERT INTO user_ref (user_id, name${1:+, $1}) SELECT $(id_sql 8000 n), '销售' || n${2:+, $2}
        FROM generate_series(0, $SELLERS - 1) n ON CONFLICT DO NOTHING;"
}

# both COMMAND COUNT: of rows 1 to COUNT, a half on each of two CPUs
both() {
    "$1" 1 $(($2 / 2)) &
    "$1" $(($2 / 2 + 1)) "$2"
    wait $!
}
