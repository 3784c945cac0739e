# shellcheck shell=bash
# A local certificate authority and the gateway's certificate for this machine's own names. The authority may only vouch for
# those names, so trusting it in a browser opens nothing else.

TLS_NAMES="DNS:localhost,IP:127.0.0.1,IP:::1"

tls_lasts() { openssl x509 -in "$RUN_DIR/tls/$1.crt" -noout -checkend $(($2 * 86400)) >/dev/null 2>&1; }

tls_ready() {
    tls_lasts ca 30 && tls_lasts server 7 && [ -s "$RUN_DIR/tls/server.key" ] &&
        openssl verify -CAfile "$RUN_DIR/tls/ca.crt" "$RUN_DIR/tls/server.crt" >/dev/null 2>&1
}

tls_make_ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=CRM local CA" \
        -keyout ca.key -out ca.crt \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -addext "nameConstraints=critical,permitted;DNS:localhost,permitted;IP:127.0.0.0/255.0.0.0,permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
}

tls_make_server() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 397 -subj "/CN=localhost" \
        -CA ca.crt -CAkey ca.key -keyout server.key -out server.crt -addext "subjectAltName=$TLS_NAMES" \
        -addext "basicConstraints=critical,CA:FALSE" -addext "keyUsage=critical,digitalSignature" -addext "extendedKeyUsage=serverAuth"
}

# One command for both: an expired authority takes its certificate with it.
tls_make() {
    local log=$RUN_DIR/log/openssl.log
    tls_ready && return 0
    mkdir -p "$RUN_DIR/tls"
    (
        cd "$RUN_DIR/tls" || exit
        { { tls_lasts ca 30 && [ -s ca.key ]; } || tls_make_ca; } && tls_make_server
    ) >"$log" 2>&1 || die_with_log openssl "no certificate"
    rm -f "$log"
}
