# shellcheck shell=bash
# Rows straight into the tables of a service: without triggers, which would write an event, history and more for each, and with indexes that
# are made afterwards.

# bulk_sql SCHEMA ARGUMENT...: of psql
bulk_sql() {
    PGOPTIONS="-c client_min_messages=warning -c search_path=$1,public -c session_replication_role=replica -c maintenance_work_mem=1GB \
-c max_parallel_maintenance_workers=0 -c statement_timeout=3600s" psql -XqAt -v ON_ERROR_STOP=1 "$DATABASE_ADMIN_URL" "${@:2}"
}

# What PostgreSQL does by itself for tables that have changed a lot, and for what would be lost now, is done at the end, once.
BULK_SETTINGS=("autovacuum = off" "fsync = off" "max_wal_size = '16GB'" "checkpoint_timeout = '1h'")

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
