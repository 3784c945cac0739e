#include "http/head.h"

#include "base/percent.h"
#include "base/utf8.h"

/* Percent-decodes once. An encoded '/' would change the segments after routing: refused. */
static bool path_decode(struct arena *a, struct str raw, struct str *ret)
{
    for (size_t i = 0; i + 2 < raw.len; i++)
        if (raw.p[i] == '%' && raw.p[i + 1] == '2' && (raw.p[i + 2] | 0x20) == 'f') return false;
    return percent_decode(a, raw, false, ret);
}

static bool has_control(struct str path)
{
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f) return true;
    return false;
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
    return segments_are_normal(*ret_path) && !has_control(*ret_path) && utf8_valid(*ret_path);
}
