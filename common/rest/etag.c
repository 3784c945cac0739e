#include "rest/etag.h"

enum { HASH_DIGITS = 12 };

static bool strict;

void etag_set_strict(bool on)
{
    strict = on;
}

void etag_reply(struct req *r, struct str version, struct str representation)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t hash = str_hash(representation);
    char *tag = arena_alloc(&r->arena, version.len + HASH_DIGITS + 3), *to = tag;
    *to++ = '"';
    memcpy(to, version.p, version.len);
    to += version.len;
    *to++ = '.';
    for (int i = 0; i < HASH_DIGITS; i++, hash >>= 4) *to++ = digits[hash & 15];
    *to++ = '"';
    req_reply_header(r, STR("ETag"), (struct str){ tag, (size_t)(to - tag) });
}

static struct str current_tag(const struct req *r)
{
    for (size_t i = 0; i < r->reply_header_count; i++)
        if (str_is(r->reply_headers[i].name, "ETag")) return r->reply_headers[i].value;
    return STR_NONE;
}

/* Weak comparison, RFC 9110 section 13.1.2. */
bool etag_not_modified(const struct req *r)
{
    struct str rest = req_header(r, STR("If-None-Match")), current = current_tag(r);
    while (!str_is_none(rest)) {
        struct str tag = str_trim(str_cut(&rest, ','));
        if (str_is(tag, "*")) return true;
        if (str_has_prefix(tag, STR("W/"))) tag = str_sub(tag, 2, tag.len);
        if (tag.len && str_eq(tag, current)) return true;
    }
    return false;
}

/* "12.9f2c81aa" -> 12. Weak tags never match (section 13.1.1) and so name no version. */
static bool version_of(struct str tag, int64_t *ret)
{
    if (tag.len < 2 || tag.p[0] != '"' || tag.p[tag.len - 1] != '"') return false;
    struct str inner = str_sub(tag, 1, tag.len - 1);
    return str_to_i64(str_cut(&inner, '.'), 1, INT32_MAX, ret);
}

void etag_read_match(struct req *r, const char **ret_versions)
{
    struct str rest = req_header(r, STR("If-Match"));
    *ret_versions = NULL;
    if (req_header_repeated(r, STR("If-Match"))) { /* never as if there were none */
        problem_add(&r->problem, &r->arena, E_BAD_REQUEST, STR("If-Match"), STR("is given more than once"));
        return;
    }
    if (str_is_none(rest)) {
        if (strict) problem_set(&r->problem, E_PRECONDITION_REQUIRED);
        return;
    }
    if (str_is(str_trim(rest), "*")) return;
    struct str list = STR("{");
    while (!str_is_none(rest)) {
        int64_t version = 0; /* a tag that is not ours matches no version */
        version_of(str_trim(str_cut(&rest, ',')), &version);
        list = arena_printf(&r->arena, "%.*s%s%lld", STR_ARG(list), list.len > 1 ? "," : "", (long long)version);
    }
    *ret_versions = arena_printf(&r->arena, "%.*s}", STR_ARG(list)).p;
}
