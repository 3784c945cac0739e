#include "http/base_url.h"

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_') return false;
    }
    return s.len > 0;
}

static bool scheme_cut(struct str *rest, bool *ret_is_tls)
{
    static const struct str schemes[] = { STR("http://"), STR("https://") };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (!str_has_prefix(*rest, schemes[i])) continue;
        *rest = str_sub(*rest, schemes[i].len, rest->len);
        *ret_is_tls = i == 1;
        return true;
    }
    return false;
}

static bool authority_split(struct str s, bool is_tls, struct str *ret_host, struct str *ret_port)
{
    bool is_v6 = s.len && s.p[0] == '[';
    const char *end = s.len ? memchr(s.p, is_v6 ? ']' : ':', s.len) : NULL;
    if (is_v6 && !end) return false;
    size_t n = end ? (size_t)(end - s.p) + is_v6 : s.len;
    *ret_host = is_v6 ? str_sub(s, 1, n - 1) : str_sub(s, 0, n);
    *ret_port = n < s.len ? str_sub(s, n + 1, s.len) : is_tls ? STR("443") : STR("80");
    return n == s.len || s.p[n] == ':';
}

bool base_url_read(struct base_url *u, struct str text)
{
    struct str host, port;
    int64_t number;
    *u = (struct base_url){ 0 };
    if (!scheme_cut(&text, &u->is_tls)) return false;
    if (text.len && text.p[text.len - 1] == '/') text.len--;
    if (!authority_split(text, u->is_tls, &host, &port) || !str_to_i64(port, 1, 65535, &number)) return false;
    if (host.len > HOST_MAX || memchr(host.p, 0, host.len)) return false;
    memcpy(u->host, host.p, host.len);
    u->authority = text;
    u->port = (int)number;
    bool is_number = address_read(u->host, u->port, &u->address), is_v6 = str_has_prefix(text, STR("["));
    return is_number ? (u->address.sa.ss_family == AF_INET6) == is_v6 : !is_v6 && is_name(host);
}
