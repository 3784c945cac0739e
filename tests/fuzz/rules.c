#include "rules.h"

#include "fuzz.h"

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!s.p[i] || !strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", s.p[i])) return false;
    return s.len > 0;
}

static bool is_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f) return false;
    return s.len == str_trim(s).len;
}

void rules_check_fields(const struct header *headers, size_t count)
{
    must(count <= HEAD_HEADERS);
    for (size_t i = 0; i < count; i++) must(is_token(headers[i].name) && is_value(headers[i].value));
}

void rules_check_path(enum method method, struct str path)
{
    must(method < METHOD_COUNT);
    if (str_is(path, "*")) {
        must(method == METHOD_OPTIONS);
        return;
    }
    must(path.len > 0 && path.p[0] == '/');
    must(utf8_valid(path) && !has_control(path));
    for (size_t i = 0; i < path.len; i++) {
        if (path.p[i] != '/') continue;
        struct str rest = str_sub(path, i, path.len);
        must(!str_has_prefix(rest, STR("//")) && !str_has_prefix(rest, STR("/./")) && !str_has_prefix(rest, STR("/../")));
        must(!str_is(rest, "/.") && !str_is(rest, "/.."));
    }
}

static uint64_t length_of(struct str digits)
{
    uint64_t n = 0;
    must(digits.len > 0 && digits.len < 19);
    for (size_t i = 0; i < digits.len; i++) {
        must(digits.p[i] >= '0' && digits.p[i] <= '9');
        n = n * 10 + (uint64_t)(digits.p[i] - '0');
    }
    return n;
}

struct framing rules_framing(const struct header *headers, size_t count)
{
    struct framing f = { .hosts = 0 };
    for (size_t i = 0; i < count; i++) {
        const struct header *h = &headers[i];
        f.hosts += str_ieq(h->name, STR("Host"));
        if (str_ieq(h->name, STR("Content-Length"))) {
            must(!f.has_length || f.length == length_of(h->value));
            f.has_length = true;
            f.length = length_of(h->value);
        }
        if (str_ieq(h->name, STR("Transfer-Encoding"))) {
            must(!f.is_chunked && str_ieq(h->value, STR("chunked")));
            f.is_chunked = true;
        }
    }
    must(!(f.is_chunked && f.has_length));
    return f;
}
