# shellcheck shell=bash
# What to do with it now that it runs.

greeting_login() {
    if [ -e "$RUN_DIR/done/password-shown" ]; then
        say "  Login     admin, password in $RUN_DIR/secrets/admin_password"
    else
        say "  Login     admin / $(<"$RUN_DIR/secrets/admin_password")   (shown this once; kept in $RUN_DIR/secrets/admin_password)"
        touch "$RUN_DIR/done/password-shown"
    fi
}

greeting() {
    local url ca password
    # shellcheck source=/dev/null
    url=$(. "$RUN_DIR/env" && echo "$BASE_URL")
    ca=$(printf %q "$RUN_DIR/tls/ca.crt")
    password=$(printf %q "$RUN_DIR/secrets/admin_password")
    say ""
    say "  URL       $url"
    greeting_login
    say "  Logs      $RUN_DIR/log"
    say "  Scripts   . $RUN_DIR/env"
    say ""
    cat <<TEXT
TOKEN=\$(curl -sS --noproxy localhost --cacert $ca -H 'Content-Type: application/json' -d '{"username":"admin","password":"'"\$(cat $password)"'"}' $url/api/v1/auth/login | sed 's/.*"access_token" *: *"\([^"]*\)".*/\1/')
curl -sS --noproxy localhost --cacert $ca -H "Authorization: Bearer \$TOKEN" '$url/api/v1/customers?size=3'
curl -sS --noproxy localhost --cacert $ca -H "Authorization: Bearer \$TOKEN" -H 'Content-Type: application/json' -d '{"customer_name":"北京示例医药有限公司","customer_type":"企业"}' $url/api/v1/customers

TEXT
}
