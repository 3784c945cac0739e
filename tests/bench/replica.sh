# shellcheck shell=bash disable=SC2034  # URL is for those that source this
# More gateways beside that of the stack. Their ports are in PORT (deploy/lib/ports.sh): NAME and NAME_admin.

declare -A PID URL

# gateway NAME [SETTING=value...]: one more of them, as the stack's but for these
gateway() {
    local name=$1 settings=()
    shift
    mapfile -d '' settings <"/proc/$(<"$GATEWAY_PID_FILE")/environ"
    env -i "${settings[@]}" HTTPS_PORT="${PORT[$name]}" PLAIN_PORT=0 ADMIN_PORT="${PORT[${name}_admin]}" WATCH_DENIALS_OF_ADDRESS=0 "$@" \
        "$BIN_DIR/gateway" >"$WORK/$name.log" 2>&1 &
    PID[$name]=$! URL[$name]=https://localhost:${PORT[$name]}
    until curl -sf -o /dev/null "http://127.0.0.1:${PORT[${name}_admin]}/readyz"; do kill -0 "${PID[$name]}" || die "no gateway $name"; sleep 0.1; done
}
