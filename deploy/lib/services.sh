# shellcheck shell=bash
# The services and the gateway: what there is, and the environment each one gets.

# name              binary               schema       port  what it may ask of the others
services() {
    cat <<'TABLE'
auth-service        auth-service         auth         8101  event:read
customer-service    customer-service     customer     8102  event:read
opportunity-service opportunity-service  opportunity  8103  event:read,customer:create,customer:convert
order-service       order-service        ordering     8104  event:read,customer:unmask
TABLE
}

GATEWAY_PORT=8443
GATEWAY_ADMIN_PORT=9100

service_names() { services | awk '{ print $1 }'; }

service_binary() { REPLY=$BIN_DIR/$(services | awk -v name="$1" '$1 == name { print $2 }'); }

service_url() { REPLY=http://127.0.0.1:${PORT[$1]}; }

# customer-service -> CUSTOMER_SERVICE
env_name() { REPLY=${1//-/_} && REPLY=${REPLY^^}; }

database_url() {
    secret "${1//-/_}" 24
    REPLY="postgresql://${1//-/_}:$REPLY@/crm?host=$SOCKET_DIR&port=5432"
}

# "name port" of all that listens
service_ports() {
    printf '%s\n' "gateway $GATEWAY_PORT" "admin $GATEWAY_ADMIN_PORT"
    services | awk '{ print $1, $4 }'
}

service_env_common() {
    service_url auth-service
    export JWKS_URL=$REPLY/api/v1/auth/jwks
    export REDIS_URL=unix://$SOCKET_DIR/redis.sock
    export LOG_LEVEL=${LOG_LEVEL:-info} APP_TIMEZONE=${APP_TIMEZONE:-Asia/Shanghai}
}

# As which client of auth-service a service asks the others: id and secret, once it was made.
service_client() {
    local file=$RUN_DIR/secrets/${1//-/_}_client
    [ -s "$file" ] && REPLY=$(<"$file")
}

# Where the others are, and who it is for them.
service_env_peers() {
    local name
    while read -r name; do
        [ -n "${PORT[$name]-}" ] || continue
        service_url "$name"
        local url=$REPLY
        env_name "$name"
        export "${REPLY}_URL=$url"
    done < <(service_names)
    service_client "$1" || return 0
    export SERVICE_CLIENT_ID=${REPLY% *} SERVICE_CLIENT_SECRET=${REPLY#* }
}

service_env() {
    service_env_common
    service_env_peers "$1"
    export HTTP_ADDRESS=127.0.0.1 HTTP_PORT=${PORT[$1]}
    database_url "$1"
    export DATABASE_URL=$REPLY
    secret cursor 32
    export CURSOR_SECRET=$REPLY
    secret_data_keys "$1"
    export DATA_KEYS_FILE=$REPLY
}

gateway_env() {
    local name
    service_env_common
    export HTTPS_ADDRESS=127.0.0.1 HTTPS_PORT=${PORT[gateway]} ADMIN_ADDRESS=127.0.0.1 ADMIN_PORT=${PORT[admin]}
    export TLS_CERT_FILE=$RUN_DIR/tls/server.crt TLS_KEY_FILE=$RUN_DIR/tls/server.key
    service_url auth-service
    export IP_RULES_URL=$REPLY/internal/v1/ip-rules AUTH_SERVICE_URL=$REPLY AUDIT_FOLDER=$RUN_DIR/audit
    ! service_client gateway || export SERVICE_CLIENT_ID=${REPLY% *} SERVICE_CLIENT_SECRET=${REPLY#* }
    while read -r name; do
        service_url "$name"
        local url=$REPLY
        env_name "$name"
        export "UPSTREAM_$REPLY=$url"
    done < <(service_names)
}

gateway_exec() {
    gateway_env
    part_become TERM -- "$BIN_DIR/gateway"
}

service_exec() {
    service_env "$1"
    service_binary "$1"
    part_become TERM -- "$REPLY"
}

http_ready() { curl -fsS --noproxy '*' --max-time 2 -o /dev/null "http://127.0.0.1:$1/readyz" 2>/dev/null; }

services_check_built() {
    local name
    while read -r name; do
        service_binary "$name"
        [ -x "$REPLY" ] || die "$REPLY is missing: make all"
    done < <(service_names)
    [ -x "$BIN_DIR/gateway" ] || die "$BIN_DIR/gateway is missing: make all"
}

# Encrypts what migrations or an older key have left to do; at once when there is nothing.
data_keys_apply() {
    local name
    while read -r name; do
        (
            PORT=([auth-service]=1 ["$name"]=1) # it listens to nothing and asks nobody
            service_env "$name"
            service_binary "$name"
            exec "$REPLY" rotate-data-keys
        ) >>"$RUN_DIR/log/$name.log" 2>&1 || die_with_log "$name" "stored values could not be encrypted"
    done < <(service_names)
}

# "name permissions" of all that ask services by themselves
clients() {
    services | awk '{ print $1, $5 }'
    echo gateway audit:write
}

# Each of them is a client of auth-service. A secret that got lost, or a client that may do less than it needs by now, is replaced by
# another client.
clients_create() {
    local name permissions audiences file out
    audiences=$(service_names | paste -sd ,)
    while read -r name permissions; do
        file=$RUN_DIR/secrets/${name//-/_}_client
        [ ! -s "$file" ] || [ "$(cat "$file.permissions" 2>/dev/null)" != "$permissions" ] || continue
        out=$(
            PORT=([auth-service]=1)
            service_env auth-service
            service_binary auth-service
            exec "$REPLY" create-client --name "$name-$(openssl rand -hex 4)" --audience "$audiences" \
                --permissions "$permissions" 2>>"$RUN_DIR/log/auth-service.log"
        ) || die_with_log auth-service "no client for $name"
        sed -nE 's/^client_id=//p; s/^client_secret=//p' <<<"$out" | paste -sd ' ' >"$file.new"
        mv "$file.new" "$file"
        printf '%s' "$permissions" >"$file.permissions"
    done < <(clients)
}

# The first administrator. The password goes by the environment: arguments are for everybody to read. It is random and nobody has
# typed it: it need not be changed.
admin_create() {
    [ ! -e "$RUN_DIR/done/admin" ] || return 0
    secret_password admin_password
    (
        export ADMIN_PASSWORD=$REPLY ADMIN_MUST_CHANGE_PASSWORD=0
        service_env auth-service
        service_binary auth-service
        exec "$REPLY" create-admin --username admin
    ) >>"$RUN_DIR/log/auth-service.log" 2>&1 || die_with_log auth-service "no administrator"
    touch "$RUN_DIR/done/admin"
}
