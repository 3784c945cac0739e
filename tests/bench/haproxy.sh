# shellcheck shell=bash disable=SC2034  # HAPROXY_PID is for edge.sh
# HAProxy beside the gateway: the same certificate, the same service behind it, auth-service's key. See haproxy.cfg.in.

# base64url of a coordinate of the key, as bytes: jwk_bytes x
jwk_bytes() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1=/" "$WORK/jwks" | tr '_-' '/+' | openssl base64 -d -A; }

# The public key as PEM: what is the same in all of P-256 (RFC 5480), then the two coordinates.
haproxy_key() {
    curl -sSf --max-time 30 "$AUTH_SERVICE_URL/api/v1/auth/jwks" >"$WORK/jwks"
    {
        printf '\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04'
        jwk_bytes x
        jwk_bytes y
    } | openssl pkey -pubin -inform DER -out "$WORK/key.pem"
}

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# The claims of our token in one that is signed with a shared key: $WORK/token.shared
haproxy_shared_token() {
    local secret=$1 claims
    claims=$(cut -d. -f2 "$WORK/token")
    claims=$(printf '{"alg":"HS256","typ":"JWT"}' | base64url).$claims
    printf '%s.%s' "$claims" "$(printf %s "$claims" | openssl dgst -sha256 -hmac "$secret" -binary | base64url)" >"$WORK/token.shared"
}

haproxy_configure() {
    local tls=$RUN_DIR/tls secret
    secret=$(openssl rand -hex 32)
    haproxy_shared_token "$secret"
    cat "$tls/server.crt" "$tls/server.key" >"$WORK/haproxy.pem"
    sed -e "s|@WORKERS@|${WORKERS:-$(nproc)}|" -e "s|@CERT@|$WORK/haproxy.pem|" -e "s|@PUBLIC_KEY@|$WORK/key.pem|" -e "s|@LOG@|$WORK/haproxy.ring|" \
        -e "s|@SERVICE@|${CUSTOMER_SERVICE_URL#http://}|" -e "s|@VERIFIED_PORT@|${PORT[verified]}|" \
        -e "s|@TRUSTING_PORT@|${PORT[trusting]}|" -e "s|@PLAIN_PORT@|${PORT[plain]}|" \
        -e "s|@SHARED_PORT@|${PORT[shared]}|" -e "s|@SECRET@|$secret|" -e "s|@TOKEN@|$(<"$WORK/token")|" "$HERE/haproxy.cfg.in" >"$WORK/haproxy.cfg"
}

# status URL [TOKEN]
status() { curl -sk --max-time 10 -o /dev/null -w '%{http_code}' ${2:+-H "Authorization: Bearer $2"} "$1" || true; }

# edge_check BASE_URL [TOKEN_FILE]: what is measured is the job: a good token is let in, none and one with another signature are not.
edge_check() {
    local url token got
    token=$(<"${2:-$WORK/token}")
    url="$1/api/v1/customers/$(head -n 1 "$WORK/ids")"
    got="$(status "$url" "$token") $(status "$url") $(status "$url" "${token%?????}AAAAA")"
    [ "$got" = "200 401 401" ] || die "$1 answers $got to a good, no and a forged token, not 200 401 401"
}

haproxy_start() {
    local deadline=$((SECONDS + 10)) got
    haproxy_key
    haproxy_configure
    haproxy -c -q -f "$WORK/haproxy.cfg" || die "haproxy refuses its configuration"
    haproxy -db -f "$WORK/haproxy.cfg" >/dev/null 2>"$WORK/haproxy.log" &
    HAPROXY_PID=$!
    until [ "$(status "https://localhost:${PORT[verified]}/")" = 401 ]; do
        [ "$SECONDS" -lt "$deadline" ] || { head -n 20 "$WORK/haproxy.log" >&2; die "haproxy is not ready after 10 s"; }
        sleep 0.05
    done
    got=$(status "https://localhost:${PORT[verified]}/api/v1/users" "$(<"$WORK/token")")
    [ "$got" = 403 ] || die "haproxy answers $got to a permission that the token lacks, not 403"
}

# What it says. That files are few is known: see haproxy.cfg.in.
haproxy_complaints() { grep -aE '^\[(WARNING|ALERT)\]' "$WORK/haproxy.log" | grep -av 'FD limit' || true; }
