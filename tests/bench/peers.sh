# shellcheck shell=bash
# Who is measured beside us: nginx, HAProxy, and the customers as a Fastify service.

PEER=$HERE/peer

nginx_start() {
    local deadline=$((SECONDS + 10))
    mkdir -p "$WORK/nginx"
    sed -e "s|@WORKERS@|${WORKERS:-$(nproc)}|" -e "s|@CERT@|$WORK/haproxy.pem|" -e "s|@FOLDER@|$WORK/nginx|" -e "s|@PORT@|${PORT[nginx]}|" \
        -e "s|@SERVICE@|${CUSTOMER_SERVICE_URL#http://}|" "$HERE/nginx.conf.in" >"$WORK/nginx.conf"
    nginx -c "$WORK/nginx.conf" -e "$WORK/nginx/nginx.error" &
    NGINX_PID=$!
    until [ "$(status "https://localhost:${PORT[nginx]}/api/v1/customers")" = 401 ]; do
        [ "$SECONDS" -lt "$deadline" ] || { cat "$WORK/nginx/nginx.error" >&2; die "nginx is not ready after 10 s"; }
        sleep 0.05
    done
}

# What package-lock.json names, kept between runs.
peer_install() {
    PEER_HOME=$TOP/build/peer
    mkdir -p "$PEER_HOME"
    cp "$PEER"/*.js* "$PEER_HOME"
    cmp -s "$PEER/package-lock.json" "$PEER_HOME/node_modules/lock" && return
    npm ci --prefix "$PEER_HOME" --no-audit --no-fund --loglevel=error >"$WORK/npm.log" 2>&1 || { cat "$WORK/npm.log" >&2; die "npm could not install the Fastify service"; }
    cp "$PEER/package-lock.json" "$PEER_HOME/node_modules/lock"
}

peer_load() {
    PEER_KEY=$(openssl rand -hex 32)
    # Its node is of the packages, too: Debian's is older than the framework takes.
    NODE=$(echo "$PEER_HOME"/node_modules/node-linux-*/bin/node)
    sealed() { PEER_KEY=$PEER_KEY "$NODE" "$PEER_HOME/sealing.js" "$1"; }
    psql -Xq -v ON_ERROR_STOP=1 -v phone="$(sealed 13800138000)" -v email="$(sealed contact@example.com)" -v address="$(sealed 广东省深圳市南山区科技园路一号)" \
        "$DATABASE_ADMIN_URL" -f "$PEER/schema.sql" >/dev/null
}

peer_start() {
    local deadline=$((SECONDS + 20)) ready=0
    PEER_PORT=${PORT[fastify]} PEER_WORKERS=${WORKERS:-$(nproc)} PEER_LOG=$WORK/fastify.log PEER_REDIS=$REDIS_SOCKET PEER_PUBLIC_KEY=$WORK/key.pem PEER_KEY=$PEER_KEY \
        PEER_DATABASE=$DATABASE_ADMIN_URL PEER_CONTRACT=$TOP/docs/openapi/customer-service.json \
        NODE_ENV=production "$NODE" "$PEER_HOME/server.js" >"$WORK/fastify.out" 2>&1 &
    FASTIFY_PID=$!
    until [ "$ready" = 10 ]; do # all of its processes
        [ "$(status "http://localhost:${PORT[fastify]}/api/v1/customers")" = 401 ] && ready=$((ready + 1))
        [ "$SECONDS" -lt "$deadline" ] || { cat "$WORK/fastify.out" "$WORK/fastify.log" >&2; die "the Fastify service is not ready after 20 s"; }
        sleep 0.05
    done
}

peers_end() {
    kill "$NGINX_PID" "$HAPROXY_PID" "$FASTIFY_PID" "${PID[unaudited]}"
    wait "$NGINX_PID" "$HAPROXY_PID" "$FASTIFY_PID" "${PID[unaudited]}" || true
    owner_sql -c "DROP SCHEMA peer CASCADE"
}
