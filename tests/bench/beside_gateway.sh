# shellcheck shell=bash
# The gateway beside nginx, which only forwards, and HAProxy, which does the same job, all with TLS before one customer-service. The
# gateway stands there twice: as it is, and without the audit's records, which writes leave.

gateway_operations() {
    printf '1\tget\tGET\t/api/v1/customers/{id}\n' | operation get
    printf '1\tcreate\tPOST\t/api/v1/customers\t{"customer_name":"基准医药{n}","customer_type":"企业","phone":"13800138000","email":"a@example.com","address":"广东省深圳市南山区科技园路一号","customer_level":"A","tags":["重点"]}\n' |
        operation create
}

gateway_targets() {
    haproxy_start
    nginx_start
    gateway unaudited AUDIT_FOLDER=
    # shellcheck disable=SC2046  # pids
    target_add nginx "https://localhost:${PORT[nginx]}" "$WORK/token" $(with_children "$NGINX_PID")
    target_add haproxy "https://localhost:${PORT[shared]}" "$WORK/token.shared" "$HAPROXY_PID"
    target_add gateway "$BASE_URL" "$WORK/token" "$(<"$GATEWAY_PID_FILE")"
    target_add unaudited "${URL[unaudited]}" "$WORK/token" "${PID[unaudited]}"
    edge_check "${TARGET_URL[gateway]}"
    edge_check "${TARGET_URL[unaudited]}"
    edge_check "${TARGET_URL[haproxy]}" "$WORK/token.shared"
}

beside_gateway() {
    local round name contenders=(nginx haproxy gateway unaudited)
    gateway_operations
    gateway_targets
    for name in "${contenders[@]}"; do drive_at get "$name" "$RUN_S"; done # caches, pools
    for ((round = 0; round < ROUNDS; round++)); do
        for name in "${contenders[@]}"; do measure get "$name" "$RUN_S"; done
        for name in gateway unaudited; do measure create "$name" "$RUN_S"; done
    done
    measured_results edge_ get "${contenders[@]}"
    measured_results edge_ create gateway unaudited
    result edge_cpu_ratio_to_haproxy "$(measured_ratio get gateway haproxy $CPU_US)"
    result edge_cpu_ratio_to_nginx "$(measured_ratio get gateway nginx $CPU_US)"
    result edge_per_second_ratio_to_haproxy "$(measured_ratio get gateway haproxy $PER_SECOND)"
    result edge_per_second_ratio_to_nginx "$(measured_ratio get gateway nginx $PER_SECOND)"
    curve gateway get "$(measured get gateway $PER_SECOND | median)" "$CURVE_S" nginx haproxy gateway
}
