# shellcheck shell=bash
# RUN_DIR/env: shell assignments for scripts, there exactly while all is ready.

env_line() { printf '%s=%s\n' "$1" "$(shell_quote "$2")"; }

env_lines() {
    local name prefix
    env_line BASE_URL "https://localhost:${PORT[gateway]}"
    env_line CA_CERT "$RUN_DIR/tls/ca.crt"
    env_line ADMIN_USERNAME admin
    env_line ADMIN_PASSWORD "$(<"$RUN_DIR/secrets/admin_password")"
    env_line GATEWAY_ADMIN_URL "http://127.0.0.1:${PORT[admin]}"
    env_line GATEWAY_PID_FILE "$RUN_DIR/pid/gateway"
    while read -r name; do
        env_name "$name" && prefix=$REPLY
        service_url "$name" && env_line "${prefix}_URL" "$REPLY"
        database_url "$name" && env_line "${prefix}_DATABASE_URL" "$REPLY"
        secret_data_keys "$name" && env_line "${prefix}_DATA_KEYS_FILE" "$REPLY"
        env_line "${prefix}_PID_FILE" "$RUN_DIR/pid/$name"
    done < <(service_names)
    while read -r name _; do
        env_name "$name" && prefix=$REPLY
        service_client "$name" && env_line "${prefix}_CLIENT_ID" "${REPLY% *}" && env_line "${prefix}_CLIENT_SECRET" "${REPLY#* }"
    done < <(clients)
    env_line DATABASE_ADMIN_URL "postgresql://$PG_ADMIN@/crm?host=$SOCKET_DIR&port=5432"
    env_line REDIS_SOCKET "$SOCKET_DIR/redis.sock"
    env_line PG_PID_FILE "$RUN_DIR/pid/postgres"
    env_line REDIS_PID_FILE "$RUN_DIR/pid/redis"
    env_line SUPERVISOR_PID_FILE "$RUN_DIR/pid/supervisor"
    env_line LOG_DIR "$RUN_DIR/log"
}

env_write() {
    env_lines >"$RUN_DIR/env.new"
    mv "$RUN_DIR/env.new" "$RUN_DIR/env"
}
