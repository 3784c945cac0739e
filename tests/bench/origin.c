#include "origin.h"

#include <netdb.h>
#include <openssl/ssl.h>

/* "host", "host:port", "[::1]:port" */
static const char *authority_split(struct str authority, char host[256], char port[8])
{
    struct str name = authority, number = STR_NONE;
    if (authority.len && authority.p[0] == '[') {
        str_take(&name, 1);
        number = name;
        name = str_cut(&number, ']');
        if (number.len && number.p[0] == ':') str_take(&number, 1);
    } else {
        number = authority;
        name = str_cut(&number, ':');
    }
    int64_t value;
    if (!name.len || name.len >= 256) return "no host";
    if (number.len) {
        if (number.len >= 8 || !str_to_i64(number, 1, 65535, &value)) return "the port is not a number from 1 to 65535";
        memcpy(port, number.p, number.len);
        port[number.len] = 0;
    }
    memcpy(host, name.p, name.len);
    host[name.len] = 0;
    return NULL;
}

/* One suite, so that servers with different preferences do the same work. */
static SSL_CTX *tls_new(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) && SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256")) return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

const char *origin_read(const char *url, struct origin *ret, struct str *ret_path)
{
    struct str s = str_of(url);
    bool is_https = str_has_prefix(s, STR("https://"));
    if (!is_https && !str_has_prefix(s, STR("http://"))) return "begins neither with http:// nor with https://";
    str_take(&s, is_https ? 8 : 7);
    const char *slash = memchr(s.p, '/', s.len);
    char port[8];
    strncpy(port, is_https ? "443" : "80", sizeof port);
    ret->authority = str_take(&s, slash ? (size_t)(slash - s.p) : s.len);
    *ret_path = s;
    const char *wrong = authority_split(ret->authority, ret->host, port);
    if (wrong) return wrong;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC }, *found;
    if (strcmp(ret->host, "localhost") == 0) hints.ai_family = AF_INET;
    int cause = getaddrinfo(ret->host, port, &hints, &found);
    if (cause) return gai_strerror(cause);
    memcpy(&ret->address, found->ai_addr, found->ai_addrlen);
    ret->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    ret->tls = is_https ? tls_new() : NULL;
    return is_https && !ret->tls ? "OpenSSL cannot be used" : NULL;
}

void origin_done(struct origin *o)
{
    if (o->tls) SSL_CTX_free(o->tls);
    o->tls = NULL;
}
