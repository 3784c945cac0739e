#include "schema/query.h"

#include "base/percent.h"
#include "base/utf8.h"
#include "schema/type.h"

/* --- the query string (WHATWG URL, application/x-www-form-urlencoded) ------------------------------------------------ */

static bool decode(struct arena *a, struct str in, struct str *ret)
{
    return percent_decode(a, in, true, ret) && utf8_valid(*ret) && !memchr(ret->p, 0, ret->len);
}

struct str query_value(const struct query_param *params, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(params[i].name, name)) return params[i].value;
    return STR_NONE;
}

bool query_split(struct arena *a, struct str raw, struct query_param *params, size_t *ret_count, struct problem *p)
{
    size_t n = 0;
    struct str rest = raw.len ? raw : STR_NONE;
    while (!str_is_none(rest)) {
        struct str value = str_cut(&rest, '&'), name = str_cut(&value, '=');
        struct query_param q = { 0 };
        if (!decode(a, name, &q.name) || !decode(a, str_is_none(value) ? STR("") : value, &q.value) || !q.name.len)
            problem_add(p, a, E_BAD_REQUEST, STR("query"), STR("is not valid percent-encoded UTF-8"));
        else if (!str_is_none(query_value(params, n, q.name)))
            problem_add(p, a, E_INVALID_FIELD, q.name, STR("is given more than once"));
        else if (n == LIMIT_QUERY_PARAMS)
            problem_add(p, a, E_BAD_REQUEST, STR("query"), STR("has too many parameters"));
        else params[n++] = q;
        if (p->code == E_BAD_REQUEST) return false;
    }
    *ret_count = n;
    return p->code == E_OK;
}

/* --- list parameters -------------------------------------------------------------------------------------------------- */

struct reading {
    struct arena *a;
    const struct resource *r;
    struct list_query *q;
    struct problem *p;
    struct str value;
    struct str start, end; /* as sent */
    struct str from, to;   /* as sent, of what spans a time */
};

static void read_page(struct reading *c)
{
    if (!str_to_i64(c->value, 1, INT32_MAX, &c->q->page))
        problem_add(c->p, c->a, E_INVALID_FIELD, STR("page"), STR("must be an integer from 1"));
}

static void read_size(struct reading *c)
{
    if (!str_to_i64(c->value, 1, LIMIT_PAGE_SIZE, &c->q->size))
        problem_add(c->p, c->a, E_INVALID_FIELD, STR("size"), STR("must be an integer from 1 to 200"));
}

static void read_keyword(struct reading *c)
{
    struct str k = str_trim(c->value);
    if (!k.len || utf8_count(k) > LIMIT_KEYWORD || !utf8_printable(k, false))
        problem_add(c->p, c->a, E_INVALID_FIELD, STR("keyword"), STR("must have 1 to 64 characters"));
    c->q->keyword = k;
}

static struct str names_with(struct arena *a, const struct resource *r, unsigned flag)
{
    struct str all = STR("");
    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i].flags & flag)
            all = arena_printf(a, "%.*s%s%.*s", STR_ARG(all), all.len ? ", " : "", STR_ARG(r->fields[i].name));
    return all;
}

static void read_sort(struct reading *c)
{
    const struct field *f = schema_field(c->r, c->value);
    if (f && f->flags & F_SORT) c->q->sort = schema_index(c->r, f);
    else
        problem_add(c->p, c->a, E_INVALID_FIELD, STR("sort"), STR("is not a sortable field"))->allowed =
            names_with(c->a, c->r, F_SORT);
}

static void read_order(struct reading *c)
{
    c->q->ascending = str_is(c->value, "asc");
    if (!c->q->ascending && !str_is(c->value, "desc"))
        problem_add(c->p, c->a, E_INVALID_FIELD, STR("order"), STR("must be asc or desc"))->allowed = STR("asc, desc");
}

static void read_total(struct reading *c)
{
    static const struct { const char *name; enum total_mode mode; } modes[] = {
        { "exact", TOTAL_EXACT }, { "estimate", TOTAL_ESTIMATE }, { "none", TOTAL_NONE }
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (str_is(c->value, modes[i].name)) {
            c->q->total = modes[i].mode;
            return;
        }
    problem_add(c->p, c->a, E_INVALID_FIELD, STR("total"), STR("is not one of the allowed values"))->allowed =
        STR("exact, estimate, none");
}

static void read_cursor(struct reading *c)
{
    c->q->cursor = c->value;
}

static void read_start(struct reading *c)
{
    c->start = c->value;
}

static void read_end(struct reading *c)
{
    c->end = c->value;
}

static void read_from(struct reading *c)
{
    c->from = c->value;
}

static void read_to(struct reading *c)
{
    c->to = c->value;
}

enum where { ANYWHERE, WITH_DATES, WITH_SEARCH /* the resource has them */, WITH_SPAN /* the route has one */ };

static const struct list_param {
    const char *name;
    void (*read)(struct reading *c);
    enum where where;
} list_params[] = {
    { "page", read_page, ANYWHERE },           { "size", read_size, ANYWHERE },
    { "keyword", read_keyword, WITH_SEARCH },  { "sort", read_sort, ANYWHERE },
    { "order", read_order, ANYWHERE },         { "start_date", read_start, WITH_DATES },
    { "end_date", read_end, WITH_DATES },      { "cursor", read_cursor, ANYWHERE },
    { "total", read_total, ANYWHERE },         { "from", read_from, WITH_SPAN },
    { "to", read_to, WITH_SPAN },
};

static bool is_searchable(const struct resource *r)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i].flags & F_SEARCH) return true;
    return false;
}

static bool is_there(enum where where, const struct resource *r, bool spans)
{
    switch (where) {
    case WITH_DATES: return r->dates >= 0;
    case WITH_SEARCH: return is_searchable(r);
    case WITH_SPAN: return spans;
    default: return true;
    }
}

static const struct list_param *find_param(const struct resource *r, bool spans, struct str name)
{
    for (size_t i = 0; i < sizeof list_params / sizeof *list_params; i++)
        if (str_is(name, list_params[i].name)) return is_there(list_params[i].where, r, spans) ? &list_params[i] : NULL;
    return NULL;
}

static void read_filter(struct reading *c, struct str name)
{
    const struct field *f = schema_field(c->r, name);
    struct str text;
    if (!f || !(f->flags & F_FILTER)) {
        problem_add(c->p, c->a, E_INVALID_FIELD, name, STR("is not a known parameter"));
        return;
    }
    const char *reason = type_read_text(c->a, f, c->value, &text);
    if (reason) problem_add(c->p, c->a, E_INVALID_FIELD, name, str_of(reason))->allowed = type_allowed(c->a, f);
    else c->q->filters[schema_index(c->r, f)] = arena_cstr(c->a, text);
}


/* A bare date means its start, or, as an end, all of it. */
static bool read_bound(struct str text, bool is_end, int64_t *ret_us)
{
    int days;
    if (date_read(text, &days)) {
        *ret_us = zone_midnight(type_zone(), days + is_end);
        return true;
    }
    if (!time_read(type_zone(), text, ret_us)) return false;
    *ret_us += is_end ? 1000 * 1000 : 0; /* times are shown to the second: that second is included */
    return true;
}

/* Both ends are INT64_MIN and INT64_MAX, or are read into them. */
static void read_ends(struct reading *c, struct str names[2], struct str start, struct str end, int64_t ret_us[2])
{
    ret_us[0] = INT64_MIN, ret_us[1] = INT64_MAX;
    if (!str_is_none(start) && !read_bound(start, false, &ret_us[0]))
        problem_add(c->p, c->a, E_INVALID_FIELD, names[0], STR("must be a date or a time"));
    if (!str_is_none(end) && !read_bound(end, true, &ret_us[1]))
        problem_add(c->p, c->a, E_INVALID_FIELD, names[1], STR("must be a date or a time"));
    if (c->p->code == E_OK && ret_us[0] >= ret_us[1])
        problem_add(c->p, c->a, E_INVALID_FIELD, names[0], arena_printf(c->a, "must not be after %.*s", STR_ARG(names[1])));
}

static void read_bounds(struct reading *c)
{
    struct str names[2] = { STR("start_date"), STR("end_date") };
    int64_t us[2];
    read_ends(c, names, c->start, c->end, us);
    if (us[0] != INT64_MIN) c->q->from = time_sql(c->a, us[0]).p;
    if (us[1] != INT64_MAX) c->q->until = time_sql(c->a, us[1]).p;
}

static void read_span(struct reading *c)
{
    struct str names[2] = { STR("from"), STR("to") }, values[2] = { c->from, c->to };
    int64_t us[2];
    for (int i = 0; i < 2; i++)
        if (str_is_none(values[i])) problem_add(c->p, c->a, E_INVALID_FIELD, names[i], STR("is required"));
    read_ends(c, names, c->from, c->to, us);
    for (int i = 0; c->p->code == E_OK && i < 2; i++) c->q->span[i] = time_sql(c->a, us[i]).p;
}

bool list_query_read(struct arena *a, const struct resource *r, struct str raw, struct list_limits limits, struct list_query *q,
                     struct problem *p)
{
    struct query_param params[LIMIT_QUERY_PARAMS];
    size_t count = 0;
    *q = (struct list_query){ .page = 1, .size = 10, .sort = r->sort, .ascending = limits.spans || r->sort_ascending, .only = limits.only };
    if (!query_split(a, raw, params, &count, p)) return false;
    struct reading c = { .a = a, .r = r, .q = q, .p = p, .start = STR_NONE, .end = STR_NONE, .from = STR_NONE, .to = STR_NONE };
    for (size_t i = 0; i < count; i++) {
        const struct list_param *known = find_param(r, limits.spans, params[i].name);
        c.value = params[i].value;
        if (known) known->read(&c);
        else read_filter(&c, params[i].name);
    }
    read_bounds(&c);
    if (limits.spans) read_span(&c);
    if (!str_is_none(q->cursor) && q->page != 1)
        problem_add(p, a, E_INVALID_FIELD, STR("cursor"), STR("goes without page"));
    return p->code == E_OK;
}
