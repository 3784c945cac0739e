/* Query strings: parameters that mean the same when encoded anew, and what a list of customers is asked for with them. */
#include "fuzz.h"
#include "schemas.h"

#include "base/percent.h"
#include "schema/query.h"
#include "schema/type.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    type_set_zone(zone_load("Asia/Shanghai"));
    must(type_zone());
    return 0;
}

static void check_problem(const struct problem *p, bool is_good)
{
    must((p->code == E_OK) == is_good && (p->details == NULL) == is_good);
    must(is_good || p->code == E_BAD_REQUEST || p->code == E_INVALID_FIELD);
    for (const struct detail *d = p->details; d; d = d->next) must(d->field.len && d->reason.len && utf8_valid(d->field));
}

/* Decoded once, whatever the bytes: what was encoded comes back. */
static void check_percent(struct arena *a, struct str raw)
{
    struct str decoded, again;
    for (int plus = 0; plus < 2; plus++) {
        must(percent_decode(a, percent_encode(a, raw, ""), plus, &decoded) && str_eq(decoded, raw));
        if (!percent_decode(a, raw, plus, &decoded)) continue;
        must(decoded.len <= raw.len);
        must(percent_decode(a, percent_encode(a, decoded, "-._~"), plus, &again) && str_eq(again, decoded));
    }
}

static void check_params(struct arena *a, const struct query_param *params, size_t count)
{
    struct str raw = STR("");
    struct query_param again[LIMIT_QUERY_PARAMS];
    struct problem p = { 0 };
    size_t n = 0;
    must(count <= LIMIT_QUERY_PARAMS);
    for (size_t i = 0; i < count; i++) {
        struct query_param q = params[i];
        must(q.name.len && utf8_valid(q.name) && !memchr(q.name.p, 0, q.name.len));
        must(!str_is_none(q.value) && utf8_valid(q.value) && (!q.value.len || !memchr(q.value.p, 0, q.value.len)));
        must(query_value(params, count, q.name).p == q.value.p); /* each name once */
        struct str name = percent_encode(a, q.name, ""), value = percent_encode(a, q.value, "");
        raw = arena_printf(a, "%.*s%s%.*s=%.*s", STR_ARG(raw), i ? "&" : "", STR_ARG(name), STR_ARG(value));
    }
    must(query_split(a, raw, again, &n, &p) && n == count);
    for (size_t i = 0; i < n; i++) must(str_eq(again[i].name, params[i].name) && str_eq(again[i].value, params[i].value));
}

static void check_split(struct arena *a, struct str raw)
{
    struct query_param params[LIMIT_QUERY_PARAMS];
    struct problem p = { 0 };
    size_t count = 0;
    bool is_good = query_split(a, raw, params, &count, &p);
    check_problem(&p, is_good);
    if (is_good) check_params(a, params, count);
}

/* What goes into SQL: only what the table of fields says. */
static void check_list(struct arena *a, const struct resource *r, struct str raw, bool spans)
{
    struct problem p = { 0 };
    struct list_query q;
    bool is_good = list_query_read(a, r, raw, (struct list_limits){ spans ? "is_in" : NULL, spans }, &q, &p);
    check_problem(&p, is_good);
    if (!is_good) return;
    must(q.page >= 1 && q.page <= INT32_MAX && q.size >= 1 && q.size <= LIMIT_PAGE_SIZE);
    must(q.sort >= 0 && (size_t)q.sort < r->field_count && (q.sort == r->sort || r->fields[q.sort].flags & F_SORT));
    must(str_is_none(q.keyword) || (q.keyword.len && utf8_printable(q.keyword, false) && utf8_count(q.keyword) <= LIMIT_KEYWORD));
    must(str_is_none(q.cursor) || q.page == 1);
    must(!q.span[0] == !spans && !q.span[1] == !spans);
    must(!q.from || !q.until || strcmp(q.from, q.until) != 0);
    for (int i = 0; i < FIELDS_MAX; i++)
        must(!q.filters[i] || ((size_t)i < r->field_count && r->fields[i].flags & F_FILTER && utf8_valid(str_of(q.filters[i]))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct str raw = fuzz_input(data, size);
    arena_init(&a);
    check_percent(&a, raw);
    check_split(&a, raw);
    check_list(&a, &customer_resource, raw, false);
    check_list(&a, &customer_resource, raw, true);
    check_list(&a, &industry_resource, raw, false);
    check_list(&a, &industry_resource, raw, true); /* in a tree, by its own order */
    arena_done(&a);
    return 0;
}
