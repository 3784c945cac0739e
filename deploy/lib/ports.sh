# shellcheck shell=bash disable=SC2034,SC2153  # PORT is read by services.sh; PORTS is a setting
# Loopback ports. PORTS=fixed: the documented ones, checked before anything starts. PORTS=free: any that nobody uses, kept by
# a lock while we run: a part that is started anew finds its own again.

declare -A PORT # by name: gateway, admin, each service

# Inode in REPLY of the socket that listens where 127.0.0.1:$1 would; fails when there is none.
port_listener() {
    REPLY=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$(printf '%04X' "$1")" '
        $4 == "0A" { split($2, at, ":") }
        $4 == "0A" && at[2] == port && at[1] ~ /^(0100007F|0+|0000000000000000FFFF00000100007F)$/ { inode = $10 }
        END { print inode }') || true
    [ -n "$REPLY" ]
}

# "nginx (pid 123)" when we may know
port_owner() {
    local fd pid name
    fd=$(find /proc/[0-9]*/fd -lname "socket:\[$1\]" 2>/dev/null | head -n 1) || true
    REPLY="another process"
    [ -n "$fd" ] || return 0
    pid=${fd#/proc/}
    pid=${pid%%/*}
    read -r name <"/proc/$pid/comm" || return 0
    REPLY="$name (pid $pid)"
}

port_take_fixed() {
    if port_listener "$2"; then
        port_owner "$REPLY"
        die "port $2 ($1) is in use by $REPLY: end it, or use PORTS=free"
    fi
    PORT[$1]=$2
}

port_take_free() {
    local port fd dir=/tmp/crm-ports-$UID
    mkdir -m 700 "$dir" 2>/dev/null || [ -O "$dir" ] || die "$dir is in the way: it should be our directory"
    while :; do
        port=$((20000 + SRANDOM % 12000))
        exec {fd}>"$dir/$port"
        flock -n "$fd" && ! port_listener "$port" && break
        exec {fd}>&-
    done
    PORT[$1]=$port
}

# Reads "name port" lines.
ports_take() {
    local name port
    while read -r name port; do
        case $PORTS in
            fixed) port_take_fixed "$name" "$port" ;;
            free) port_take_free "$name" ;;
            *) die "PORTS is fixed or free, not $PORTS" ;;
        esac
    done
}
