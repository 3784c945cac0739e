# shellcheck shell=bash
# A private PostgreSQL 15 cluster on a unix socket: no TCP port, scram passwords for the services, peer for us.

PG_BIN=/usr/lib/postgresql/15/bin
PG_ADMIN=crm_admin

postgres_data() { REPLY=$DATA_HOME/data; }

# --- making it -----------------------------------------------------------------------------------------------------------

# C collation sorts by code point and is fast; the ctype must know Chinese, or pg_trgm drops it.
postgres_init() {
    postgres_data
    [ ! -e "$REPLY/PG_VERSION" ] || return 0
    rm -f "$RUN_DIR"/done/*
    as_server rm -rf "$REPLY.new"
    as_server "$PG_BIN/initdb" -D "$REPLY.new" --username="$PG_ADMIN" --auth=peer --encoding=UTF8 --locale=C --lc-ctype=C.UTF-8 \
        --locale-provider=libc --data-checksums >"$RUN_DIR/log/postgres.log" 2>&1 || die_with_log postgres "initdb failed"
    as_server mv "$REPLY.new" "$REPLY"
}

# Memory in MiB: the machine's or, when less, the container's.
memory_mib() {
    local total limit
    total=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
    limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
    [ "$limit" = max ] || [ $((limit >> 20)) -ge "$total" ] || total=$((limit >> 20))
    REPLY=$total
}

at_most() { REPLY=$(($1 < $2 ? $1 : $2)); }

# Four services have six connections a thread (docs/operations.md), and twice as many while one is replaced. Of a number of threads that is
# none, they tell themselves.
connections_max() {
    local threads=${WORKERS:-}
    [[ $threads =~ ^[0-9]+$ ]] || threads=$(nproc)
    at_most "$threads" 32
    REPLY=$((100 + 50 * REPLY))
}

# Written anew on each start: paths, memory and CPUs may have changed.
postgres_configure() {
    local memory shared connections
    connections_max && connections=$REPLY
    memory_mib && memory=$REPLY
    at_most $((memory / 4)) 2048 && shared=$REPLY
    at_most $((memory / 16)) 256
    (
        umask 022
        cat >"$DATA_HOME/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$SOCKET_DIR'
hba_file = '$DATA_HOME/pg_hba.conf'
ident_file = '$DATA_HOME/pg_ident.conf'
max_connections = $connections
password_encryption = scram-sha-256
shared_buffers = ${shared}MB
effective_cache_size = $((memory / 2))MB
maintenance_work_mem = ${REPLY}MB
work_mem = 8MB
max_wal_size = 2GB
checkpoint_timeout = 15min
wal_compression = lz4
default_toast_compression = lz4
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u '
log_min_duration_statement = 1s
track_activity_query_size = 16kB
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
CONF
        printf 'local all %s peer map=us\nlocal crm all scram-sha-256\n' "$PG_ADMIN" >"$DATA_HOME/pg_hba.conf"
        printf "us %s $PG_ADMIN\n" "$(id -un)" "$SERVER_USER" >"$DATA_HOME/pg_ident.conf"
    )
}

# --- running it ----------------------------------------------------------------------------------------------------------

# Server processes of our cluster, whoever started them: they have its directory as their own.
postgres_strays() {
    local pid name
    postgres_data
    find /proc/[0-9]*/cwd -maxdepth 0 -printf '%p\t%l\n' 2>/dev/null |
        awk -F '\t' -v data="$REPLY" '$2 == data || $2 == data " (deleted)" { split($1, part, "/"); print part[3] }' |
        while read -r pid; do
            read -r name <"/proc/$pid/comm" && [ "$name" = postgres ] && echo "$pid"
        done 2>/dev/null || true
}

postgres_end_strays() {
    local signal pids tries
    for signal in INT QUIT KILL; do
        for ((tries = 0; tries < 100; tries++)); do
            mapfile -t pids < <(postgres_strays)
            [ ${#pids[@]} -gt 0 ] || return 0
            [ $tries -gt 0 ] || kill -s "$signal" "${pids[@]}" 2>/dev/null || true
            nap 0.05
        done
    done
}

# With nobody left, what a crash left behind is stale, even when another process has got that pid by now.
postgres_prepare() {
    postgres_end_strays
    postgres_data
    rm -f "$REPLY/postmaster.pid" "$SOCKET_DIR"/.s.PGSQL.*
}

postgres_exec() {
    local become=()
    is_root && become=(--reuid="$SERVER_USER" --regid="$SERVER_USER" --init-groups)
    postgres_data
    cd /
    part_become INT "${become[@]}" -- "$PG_BIN/postgres" -D "$REPLY" -c config_file="$DATA_HOME/postgresql.conf"
}

postgres_ready() { "$PG_BIN/pg_isready" -q -h "$SOCKET_DIR" -U "$PG_ADMIN" -d postgres; }

# --- what is in it -------------------------------------------------------------------------------------------------------

# psql_admin DATABASE ARG...
psql_admin() {
    local database=$1
    shift
    PGOPTIONS="-c client_min_messages=warning" psql -Xq -v ON_ERROR_STOP=1 -h "$SOCKET_DIR" -U "$PG_ADMIN" -d "$database" "$@"
}

# psql_service SERVICE ARG...: as the service's role, which owns its schema
psql_service() {
    local role=${1//-/_}
    shift
    secret "$role" 24
    PGPASSWORD=$REPLY PGOPTIONS="-c client_min_messages=warning" psql -Xq -v ON_ERROR_STOP=1 -h "$SOCKET_DIR" -U "$role" -d crm "$@"
}

postgres_sql_for_service() {
    local role=${1//-/_} schema=$2
    secret "$role" 24
    cat <<SQL
SELECT 'CREATE ROLE $role' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$role') \\gexec
ALTER ROLE $role LOGIN PASSWORD '$REPLY';
ALTER ROLE $role IN DATABASE crm SET search_path = $schema, public;
GRANT CONNECT ON DATABASE crm TO $role;
CREATE SCHEMA IF NOT EXISTS $schema AUTHORIZATION $role;
SQL
}

# The database, and a role and a schema for each service; a password never reaches a log.
postgres_provision() {
    local name schema
    {
        cat <<SQL
SET log_min_error_statement = panic;
SELECT 'CREATE DATABASE crm' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'crm') \\gexec
\\connect crm
SET log_min_error_statement = panic;
SET log_min_duration_statement = -1;
REVOKE ALL ON DATABASE crm FROM PUBLIC;
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
SQL
        while read -r name _ schema _; do postgres_sql_for_service "$name" "$schema"; done < <(services)
    } | psql_admin postgres >>"$RUN_DIR/log/postgres.log" 2>&1 || die_with_log postgres "the database could not be set up"
}
