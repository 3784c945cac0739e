/* Lists: the page as an index range, the total as "counted once, plus what the outbox says has changed since".
 *
 * The stored total and the page are one round trip. A total that is not stored is counted in a second one. The page of what is
 * sought - by a keyword, or among the records of a department - comes after its total, which says how to look for it: page.h. */
#include "rest/rest.h"

#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "rest/cursor.h"
#include "rest/lookup.h"
#include "rest/names.h"
#include "rest/page.h"
#include "rest/row.h"
#include "rest/segment.h"
#include "rest/sight.h"
#include "rest/statements.h"
#include "rest/total.h"
#include "schema/sql.h"
#include "schema/type.h"

enum { SQL_MAX = 32 * 1024 };

struct list {
    struct found parent;                /* of a list under a record */
    struct list_query query;
    struct columns columns;
    struct page page;
    struct str where;
    struct sql_params params;           /* of `where` */
    struct sql_params paged, stored, count; /* of the statements: these, and more */
    const char *keep[3];                /* parameters of stmt_total_keep */
    struct rows_at { struct pg_segment *segment; int call; } totals, rows, walk; /* walk: what one has met that was too short */
    bool counted;
    uint64_t counting_us; /* when it began */
    bool was_slow;
    int64_t total, among; /* finds, and about how many rows they are among */
    const char *ids;      /* of the page, where the count came by them; else NULL */
    int64_t walked;       /* rows walked over for the page; 0: it was found another way */
};

static int rows_of(const struct rows_at *at)
{
    return pg_rows(at->segment, at->call);
}

static struct rows found(struct req *r, const struct list *l)
{
    return (struct rows){ .req = r, .resource = r->route->resource, .columns = &l->columns, .segment = l->rows.segment,
                          .call = l->rows.call, .until = rows_of(&l->rows) };
}

static struct str total_value(const struct list *l, int column)
{
    return pg_value(l->totals.segment, l->totals.call, 0, column);
}

static const char *param_text(struct arena *a, int64_t n)
{
    return arena_printf(a, "%lld", (long long)n).p;
}

static struct str param_str(struct arena *a, int64_t n)
{
    return str_of(param_text(a, n));
}

static bool read_cursor(struct req *r, struct list *l)
{
    struct str value, id;
    if (str_is_none(l->query.cursor)) return true;
    if (!cursor_read(&r->arena, r->route->resource, &l->query, &value, &id)) {
        problem_add(&r->problem, &r->arena, E_INVALID_FIELD, STR("cursor"), STR("is not a cursor of this list and sort"));
        return false;
    }
    l->page.after[0] = arena_cstr(&r->arena, value);
    l->page.after[1] = arena_cstr(&r->arena, id);
    return true;
}

/* By a keyword, or among the records of a department? */
static bool is_sought(const struct req *r, const struct list *l)
{
    return !str_is_none(l->query.keyword) || (r->route->resource->owner >= 0 && scope_is_of_departments(&l->query.scope));
}

/* Is its total wanted? It is for what is sought, too. */
static bool is_counted(const struct req *r, const struct list *l)
{
    return is_sought(r, l) || l->query.total != TOTAL_NONE;
}

/* A total that changes as time goes by is not kept, nor one of what changes untold. */
static bool is_kept(const struct req *r, const struct list *l)
{
    const struct resource *res = r->route->resource;
    return !l->query.only && (!res->is_untold || res->is_appended);
}

/* Rows that are only added are in many partitions: to plan for all of them takes longer than a page, so it is done once, whatever the
 * values. */
static struct pg_segment *list_segment(struct req *r, enum pg_lane lane, bool reads)
{
    static const char *const planned_once[] = { "plan_cache_mode", "force_generic_plan" };
    struct pg_segment *s = segment_new(r, lane, reads);
    if (r->route->resource->is_appended) pg_add(s, &stmt_tell, planned_once, 2);
    return s;
}

static const struct pg_stmt *shape(struct req *r, struct str sql)
{
    return shapes_statement(r->worker->shapes, &r->arena, sql);
}

static struct str page_sql(struct req *r, struct list *l)
{
    struct arena *a = &r->arena;
    if (!is_sought(r, l)) return page_in_order(a, &l->page, l->where, &l->paged);
    if (!l->ids) l->walked = page_walk(&l->page, l->total, l->among);
    if (!l->ids && !l->walked) return page_of_few(a, &l->page, l->where, &l->paged);
    l->paged.count = 0;
    return l->ids ? page_of_ids(a, &l->page, l->ids, &l->paged) : page_of_walk(a, &l->page, l->walked, &l->paged);
}

static void add_paged(struct req *r, struct list *l, struct pg_segment *s, struct str sql)
{
    l->rows = (struct rows_at){ s, s->count };
    pg_add_binary(s, shape(r, sql), l->paged.values, l->paged.count);
}

static void add_page(struct req *r, struct list *l, struct pg_segment *s)
{
    l->paged = l->params;
    add_paged(r, l, s, page_sql(r, l));
}

static void add_total(struct req *r, struct list *l, struct pg_segment *s, struct str sql, const struct sql_params *params)
{
    l->totals = (struct rows_at){ s, s->count };
    pg_add(s, shape(r, sql), params->values, params->count);
}

static void add_stored(struct req *r, struct list *l, struct pg_segment *s)
{
    const struct resource *res = r->route->resource;
    l->keep[0] = total_key(&r->arena, res, l->where, &l->params);
    add_total(r, l, s, total_stored(&r->arena, res, &l->query, l->keep[0], &l->stored), &l->stored);
}

/* A list under a record, as /opportunities/{opportunity_id}/stage-history: those that refer to it, if the caller may see it. The
 * field's name is the parameter's. */
static void read_parent(struct req *r, struct list *l)
{
    const struct resource *res = r->route->resource;
    struct str path = r->route->path;
    str_cut(&path, '{');
    const struct field *f = schema_field(res, str_cut(&path, '}'));
    if (!uuid_valid(r->params[0])) problem_add(&r->problem, &r->arena, E_INVALID_FIELD, f->name, STR("must be a UUID"));
    l->query.filters[schema_index(res, f)] = arena_cstr(&r->arena, r->params[0]);
}

static enum step list_begin(struct req *r)
{
    struct list *l = arena_new(&r->arena, struct list);
    const struct resource *res = r->route->resource, *parent = r->route->parent;
    r->state = l;
    sql_columns_of(&l->columns, res, &res->views[VIEW_LIST]);
    list_query_read(&r->arena, res, r->query, (struct list_limits){ r->route->only, r->route->spans }, &l->query, &r->problem);
    if (parent) read_parent(r, l);
    if (r->problem.code != E_OK || !read_cursor(r, l)) return STEP_FAIL;
    if (!parent) return STEP_NEXT;
    lookup_start(r, statements_of(parent), r->params[0], &l->parent);
    return STEP_WAIT;
}

static enum step list_query(struct req *r)
{
    struct list *l = r->state;
    const struct resource *res = r->route->resource;
    if (r->route->parent && l->parent.row < 0) {
        problem_set(&r->problem, E_NOT_FOUND);
        return STEP_FAIL;
    }
    l->query.scope = sight_scope(r);
    l->query.by_secrets = sight_of_secrets(r, res);
    l->page.resource = res;
    l->page.query = &l->query;
    l->page.columns = &l->columns;
    bool sought = is_sought(r, l);
    struct buf b;
    buf_init(&b, SQL_MAX);
    sql_where(&b, &l->params, &r->arena, res, &l->query);
    l->where = arena_dup(&r->arena, buf_str(&b));
    buf_done(&b);
    l->count = l->params;
    if (sought && !is_kept(r, l)) return STEP_NEXT;
    struct pg_segment *s = list_segment(r, PG_SLOW, true);
    if (is_counted(r, l) && is_kept(r, l)) add_stored(r, l, s);
    if (!sought) add_page(r, l, s);
    pg_submit(r->worker->pg, s);
    return STEP_WAIT;
}

static enum step list_count(struct req *r)
{
    struct list *l = r->state;
    if (!is_counted(r, l) || (l->totals.segment && rows_of(&l->totals))) return STEP_NEXT;
    struct str sql = total_count(&r->arena, &l->page, l->where, is_kept(r, l) ? l->keep[0] : NULL, &l->count);
    l->counted = true;
    l->counting_us = clock_us();
    struct pg_segment *s = list_segment(r, PG_COUNT, true);
    add_total(r, l, s, sql, &l->count);
    pg_submit(r->worker->pg, s);
    return STEP_WAIT;
}

static bool is_worth_keeping(const struct req *r, const struct list *l)
{
    if (l->query.total != TOTAL_EXACT || !is_kept(r, l)) return false;
    struct str stale = total_value(l, TOTAL_STALE);
    bool is_dear = !str_is_none(l->query.keyword) || r->route->resource->is_appended;
    int64_t from = is_dear ? TOTAL_KEPT_FROM_OF_DEAR : TOTAL_KEPT_FROM;
    return str_is_none(stale) ? l->total >= from || l->was_slow : str_is(stale, "true");
}

static void take_total(struct req *r, struct list *l)
{
    struct str ids = total_value(l, TOTAL_PAGE);
    str_to_i64(total_value(l, TOTAL_ROWS), 0, INT64_MAX, &l->total);
    str_to_i64(total_value(l, TOTAL_AMONG), 0, INT64_MAX, &l->among);
    if (!str_is_none(ids)) l->ids = arena_cstr(&r->arena, ids);
}

static enum step list_page(struct req *r)
{
    struct list *l = r->state;
    l->was_slow = l->counted && clock_us() - l->counting_us > TOTAL_SLOW_US;
    if (l->totals.segment) take_total(r, l);
    bool keep = is_worth_keeping(r, l);
    if (l->rows.segment && !keep) return STEP_NEXT;
    struct pg_segment *s = list_segment(r, PG_SLOW, !keep);
    if (keep) {
        l->keep[1] = param_text(&r->arena, l->total);
        l->keep[2] = arena_cstr(&r->arena, total_value(l, TOTAL_SNAPSHOT));
        pg_add(s, &stmt_total_keep, l->keep, 3);
    }
    if (!l->rows.segment) add_page(r, l, s);
    pg_submit(r->worker->pg, s);
    return STEP_WAIT;
}

/* Was the walk too short? By a page's number an exact total tells that there are no more. */
static bool is_short(const struct list *l)
{
    if (!l->walked) return false;
    int64_t rows = rows_of(&l->rows), before = (l->query.page - 1) * l->query.size;
    bool is_last = !l->page.after[0] && l->query.total == TOTAL_EXACT && before + rows >= l->total;
    return rows < l->query.size && !is_last;
}

static void look_again(struct req *r, struct list *l, struct str sql)
{
    struct pg_segment *s = list_segment(r, PG_SLOW, true);
    add_paged(r, l, s, sql);
    pg_submit(r->worker->pg, s);
}

static enum step list_further(struct req *r)
{
    struct list *l = r->state;
    int64_t rows = is_short(l) ? page_further(&l->page, l->total, l->walked) : 0;
    if (!rows) return STEP_NEXT;
    l->walked = rows;
    l->paged.count = 0;
    look_again(r, l, page_of_walk(&r->arena, &l->page, rows, &l->paged));
    return STEP_WAIT;
}

static enum step list_beyond(struct req *r)
{
    struct list *l = r->state;
    if (!is_short(l)) return STEP_NEXT;
    l->walk = l->rows;
    l->paged = l->params;
    look_again(r, l, page_beyond_walk(&r->arena, &l->page, l->where, l->walked, &l->paged));
    return STEP_WAIT;
}

static enum step list_whole(struct req *r)
{
    struct list *l = r->state;
    if (l->walk.segment && rows_of(&l->walk) > rows_of(&l->rows)) l->rows = l->walk;
    return STEP_NEXT;
}

static enum step list_names(struct req *r)
{
    struct list *l = r->state;
    struct rows rows = found(r, l);
    return names_ready(&rows) ? STEP_NEXT : STEP_WAIT;
}

static void write_number(struct jw *w, struct str key, int64_t n)
{
    jw_key(w, key);
    jw_int(w, n);
}

static void write_counts(struct jw *w, const struct list *l)
{
    if (l->query.total == TOTAL_NONE) {
        jw_key(w, STR("total"));
        jw_null(w);
        jw_key(w, STR("pages"));
        jw_null(w);
        return;
    }
    write_number(w, STR("total"), l->total);
    write_number(w, STR("pages"), (l->total + l->query.size - 1) / l->query.size);
}

static void write_cursor(struct req *r, struct jw *w, const struct list *l, int rows)
{
    if (rows == 0 || rows < l->query.size) return;
    int extra = (int)l->columns.count;
    struct str value = pg_value(l->rows.segment, l->rows.call, rows - 1, extra),
               id = pg_value(l->rows.segment, l->rows.call, rows - 1, extra + 1);
    jw_key(w, STR("next_cursor"));
    jw_str(w, cursor_make(&r->arena, r->route->resource, &l->query, value, id));
}

static enum step list_reply(struct req *r)
{
    struct list *l = r->state;
    struct rows rows = found(r, l);
    struct jw w = reply_begin(r);
    jw_object(&w);
    write_counts(&w, l);
    write_number(&w, STR("current"), l->query.page);
    write_number(&w, STR("size"), l->query.size);
    jw_key(&w, STR("records"));
    jw_array(&w);
    for (int i = 0; i < rows.until; i++) {
        struct rows_row row = rows_row(&rows, i);
        present_row(&w, r->route->resource, VIEW_LIST, &row.row);
    }
    jw_array_end(&w);
    write_cursor(r, &w, l, rows.until);
    jw_object_end(&w);
    req_reply_header(r, STR("X-Records"), param_str(&r->arena, rows.until)); /* for the gateway's watch */
    reply_end(r, &w);
    return STEP_WAIT;
}

static const step_fn list_steps[] = {
    list_begin, list_query, list_count, list_page, list_further, list_beyond, list_whole, list_names, list_reply, NULL
};

void rest_list(struct req *r)
{
    flow_start(r, list_steps);
}
