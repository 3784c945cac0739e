#include "http/head.h"

#include "base/utf8.h"

int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes once (RFC 3986 2.1). An encoded '/' would change the segments after routing: refused. */
static bool path_decode(struct arena *a, struct str raw, struct str *ret)
{
    char *out = arena_alloc(a, raw.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.p[i];
        if (c == '%') {
            int high = i + 2 < raw.len ? hex_digit(raw.p[i + 1]) : -1;
            int low = i + 2 < raw.len ? hex_digit(raw.p[i + 2]) : -1;
            if (high < 0 || low < 0) return false;
            c = (char)(high << 4 | low);
            if (c == '/') return false;
            i += 2;
        }
        if ((unsigned char)c < 0x20 || c == 0x7f) return false;
        out[n++] = c;
    }
    *ret = (struct str){ out, n };
    return true;
}

/* No empty segment but a last one, no "." or "..": what dot segments reach depends on who resolves them (RFC 3986 6.2.2.3). */
static bool segments_are_normal(struct str path)
{
    if (path.len == 0 || path.p[0] != '/') return false;
    for (struct str rest = str_sub(path, 1, path.len); !str_is_none(rest);) {
        struct str segment = str_cut(&rest, '/');
        if (segment.len == 0 && !str_is_none(rest)) return false;
        if (str_eq(segment, STR(".")) || str_eq(segment, STR(".."))) return false;
    }
    return true;
}

bool target_read(struct arena *a, struct str target, struct str *ret_path, struct str *ret_query)
{
    struct str query = target, path = str_cut(&query, '?');
    *ret_query = query;
    *ret_path = path;
    if (str_eq(target, STR("*"))) return true;
    if (path.len && memchr(path.p, '%', path.len) && !path_decode(a, path, ret_path)) return false;
    return segments_are_normal(*ret_path) && utf8_valid(*ret_path);
}
