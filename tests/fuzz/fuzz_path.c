/* Request targets: one normal form for a path, however it is spelled, and the query as it was sent. */
#include "fuzz.h"
#include "rules.h"

/* The path that `target` names; it must be accepted. */
static struct str path_of(struct arena *a, struct str target)
{
    struct str path, query;
    must(target_read(a, target, &path, &query));
    must(str_is_none(query));
    return path;
}

static bool is_refused(struct arena *a, struct str target)
{
    struct str path, query;
    return !target_read(a, target, &path, &query);
}

static struct str digits_in_lower_case(struct arena *a, struct str s)
{
    char *out = arena_cstr(a, s);
    for (size_t i = 0; i + 2 < s.len; i++)
        if (out[i] == '%')
            for (size_t k = i + 1; k <= i + 2; k++) out[k] |= out[k] >= 'A' && out[k] <= 'F' ? 0x20 : 0;
    return (struct str){ out, s.len };
}

/* RFC 3986 section 6.2.2: spellings of one path. The normal form is reached at once: reading it again changes nothing. */
static void check_spellings(struct arena *a, struct str path)
{
    struct str sparing = percent_encode(a, path, "/-._~!$&'()*+,;=:@"), full = percent_encode(a, path, "/");
    must(str_eq(path_of(a, sparing), path));
    must(str_eq(path_of(a, full), path));
    must(str_eq(path_of(a, digits_in_lower_case(a, full)), path));
    if (!memchr(path.p, '%', path.len) && !memchr(path.p, '?', path.len)) must(str_eq(path_of(a, path), path));
}

/* What would make another path of it for whoever resolves or decodes it later. */
static void check_neighbours(struct arena *a, struct str path)
{
    struct str spelled = percent_encode(a, path, "/");
    static const char *const tails[] = { "/..", "/.", "//", "/%2e%2E", "/.%2e", "/./x", "%2f", "%2F", "%00", "%0d%0a", "%7f",
                                         "%", "%4", "%zz", "%ff", "%c0%af", "%ed%a0%80" };
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        must(is_refused(a, arena_printf(a, "%.*s%s%s", STR_ARG(spelled), path.p[path.len - 1] == '/' ? "x" : "", tails[i])));
    must(is_refused(a, arena_printf(a, "/%.*s", STR_ARG(spelled))));
    must(is_refused(a, arena_printf(a, "%%2f%.*s", STR_ARG(str_sub(spelled, 1, spelled.len)))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct str target = fuzz_input(data, size), path, query;
    const char *mark = size ? memchr(target.p, '?', size) : NULL;
    arena_init(&a);
    if (target_read(&a, target, &path, &query)) {
        rules_check_path(str_is(target, "*") ? METHOD_OPTIONS : METHOD_GET, path);
        must(str_is_none(query) == !mark);
        if (mark) must(query.p == mark + 1 && query.p + query.len == target.p + size);
        if (path.p[0] == '/') check_spellings(&a, path);
        if (path.p[0] == '/') check_neighbours(&a, path);
    }
    arena_done(&a);
    return 0;
}
