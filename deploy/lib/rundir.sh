# shellcheck shell=bash
# Where everything lives.
#   RUN_DIR      logs, secrets, certificate, pids: ours
#   DATA_HOME    the PostgreSQL cluster; it refuses root, so with root it belongs to the user postgres
#   SOCKET_DIR   the sockets of PostgreSQL and Redis: a short path (a socket's has 107 bytes at most)
# The last two are inside RUN_DIR where that works, else in directories named after it that `clean` removes too.

RUN_MARK=.crm-run
SERVER_USER=postgres

is_root() { [ "$EUID" = 0 ]; }

# as_server COMMAND...: as the unprivileged user that owns the cluster; from / because it may not enter where we are.
as_server() {
    if is_root; then
        (cd / && exec setpriv --reuid="$SERVER_USER" --regid="$SERVER_USER" --init-groups -- "$@")
    else
        (cd / && exec "$@")
    fi
}

rundir_locate() {
    local id kind place
    RUN_DIR=$(realpath -m -- "$RUN_DIR")
    id=$(printf '%s' "$RUN_DIR" | sha256sum | cut -c1-12)
    DATA_HOME=$RUN_DIR/postgres
    SOCKET_DIR=$RUN_DIR/sockets
    if [ -e "$RUN_DIR/places" ]; then
        while read -r kind place; do
            case $kind in data) DATA_HOME=$place ;; sockets) SOCKET_DIR=$place ;; esac
        done <"$RUN_DIR/places"
    elif is_root && ! rundir_reachable; then
        DATA_HOME=/var/lib/crm-$id
        SOCKET_DIR=/run/crm-$id
    elif [ ${#SOCKET_DIR} -gt 80 ] || [[ $SOCKET_DIR == *[!A-Za-z0-9/._-]* ]]; then
        SOCKET_DIR=/tmp/crm-$id
    fi
}

# May the server's user get to RUN_DIR? Looks at the folder above: RUN_DIR itself is opened for passing through.
rundir_reachable() {
    local above
    above=$(dirname "$RUN_DIR")
    while [ ! -d "$above" ]; do above=$(dirname "$above"); done
    as_server test -x "$above" 2>/dev/null
}

rundir_exists() { [ -e "$RUN_DIR/$RUN_MARK" ]; }

rundir_make() {
    if ! rundir_exists && [ -n "$(ls -A "$RUN_DIR" 2>/dev/null)" ]; then
        die "$RUN_DIR is not empty and not ours: choose another RUN_DIR"
    fi
    (umask 022 && mkdir -p "$RUN_DIR") || die "cannot make $RUN_DIR"
    [ -O "$RUN_DIR" ] || die "$RUN_DIR belongs to $(stat -c %U "$RUN_DIR"), not to us"
    chmod "$(is_root && echo 711 || echo 700)" "$RUN_DIR"
    rundir_exists || orphan_remove
    touch "$RUN_DIR/$RUN_MARK"
    mkdir -p "$RUN_DIR"/{log,pid,secrets,done}
    dir_private "$DATA_HOME"
    dir_private "$SOCKET_DIR"
    printf '%s %s\n' data "$DATA_HOME" sockets "$SOCKET_DIR" | { grep -vF " $RUN_DIR/" || true; } >"$RUN_DIR/places"
}

# Makes a directory that only the server's user may enter. A name in /tmp may have been taken by somebody else.
dir_private() {
    local owner=$EUID
    is_root && owner=$(id -u "$SERVER_USER")
    if mkdir -m 700 "$1" 2>/dev/null; then chown "$owner" "$1"; fi
    [ "$(stat -c '%u %F' "$1")" = "$owner directory" ] || die "$1 is in the way: it should be a directory of user $owner"
    chmod 700 "$1"
}

# RUN_DIR was removed by hand, what belonged to it outside was not: nothing knows its passwords any more.
orphan_remove() {
    [ -d "$DATA_HOME" ] || return 0
    postgres_end_strays
    rm -rf -- "$DATA_HOME" "$SOCKET_DIR"
}

rundir_remove() {
    [ -e "$RUN_DIR" ] || return 0
    rundir_exists || die "$RUN_DIR is not ours: not removed"
    rm -rf -- "$DATA_HOME" "$SOCKET_DIR" "$RUN_DIR"
}
