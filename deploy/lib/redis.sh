# shellcheck shell=bash
# A private Redis 7 on a unix socket. It keeps nothing on disk: the truth is in PostgreSQL.

redis_configure() {
    cat >"$RUN_DIR/redis.conf" <<CONF
port 0
unixsocket $SOCKET_DIR/redis.sock
unixsocketperm 700
maxmemory 64mb
maxmemory-policy allkeys-lru
appendonly no
save ""
daemonize no
CONF
}

redis_exec() {
    cd "$RUN_DIR" || exit
    part_become TERM -- redis-server redis.conf
}

redis_ready() { [ "$(redis-cli -s "$SOCKET_DIR/redis.sock" ping 2>/dev/null)" = PONG ]; }
