/* Lists: the page as an index range, the total as "counted once, plus what the outbox says has changed since".
 *
 * The stored total and the page are one round trip. A total that is not stored is counted in a second one. The page of what is
 * sought - by a keyword, or among the records of a department - comes after its total, which says how to look for it. */
#include "rest/rest.h"

#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "rest/cursor.h"
#include "rest/lookup.h"
#include "rest/names.h"
#include "rest/row.h"
#include "rest/segment.h"
#include "rest/sight.h"
#include "rest/statements.h"
#include "rest/total.h"
#include "schema/sql.h"
#include "schema/type.h"

enum { SQL_MAX = 32 * 1024, DEEP_OFFSET = 1000 };

struct list {
    struct found parent;                /* of a list under a record */
    struct list_query query;
    struct columns columns;
    struct str where;
    const char *after[2];               /* sort value and id of the cursor; NULL: none */
    struct sql_params page, stored, count;
    const char *keep[3];                /* parameters of stmt_total_keep */
    struct pg_segment *segment, *totals; /* what holds the page and the total */
    int page_call;
    bool counted;
    uint64_t counting_us; /* when it began */
    bool was_slow;
    int64_t total;
};

static struct rows found(struct req *r, const struct list *l)
{
    return (struct rows){ .req = r, .resource = r->route->resource, .columns = &l->columns, .segment = l->segment, .call = l->page_call,
                          .until = pg_rows(l->segment, l->page_call) };
}

static struct str id_name(const struct resource *r)
{
    return r->fields[r->id].name;
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
    l->after[0] = arena_cstr(&r->arena, value);
    l->after[1] = arena_cstr(&r->arena, id);
    return true;
}

static void add_cursor(struct buf *b, const struct resource *res, struct list *l)
{
    if (!l->after[0]) return;
    const struct field *sort = &res->fields[l->query.sort];
    l->page.values[l->page.count++] = l->after[0];
    l->page.values[l->page.count++] = l->after[1];
    buf_addf(b, " AND (t.%.*s, t.%.*s) %c ($%d::%s, $%d::uuid)", STR_ARG(sort->name), STR_ARG(id_name(res)),
             l->query.ascending ? '>' : '<', l->page.count - 1, types[sort->type].cast, l->page.count);
}

static void add_order(struct buf *b, const struct resource *res, const struct list_query *q)
{
    const char *direction = q->ascending ? "ASC" : "DESC";
    buf_addf(b, " ORDER BY t.%.*s %s, t.%.*s %s", STR_ARG(res->fields[q->sort].name), direction, STR_ARG(id_name(res)),
             direction);
}

/* Far into a list the rows before the page are skipped in the index alone; only the page's own rows are read. */
static void wrap_ids(struct buf *b, const struct resource *res, const struct list *l, struct str ids)
{
    buf_addz(b, "SELECT ");
    sql_columns(b, res, &l->columns);
    buf_addf(b, ", t.%.*s::text, t.%.*s::text FROM (%.*s) AS page JOIN %s t ON t.%.*s = page.id", STR_ARG(res->fields[l->query.sort].name),
             STR_ARG(id_name(res)), STR_ARG(ids), res->table, STR_ARG(id_name(res)));
    add_order(b, res, &l->query);
}

static void wrap_rows(struct buf *b, const struct resource *res, const struct list *l, struct str from)
{
    buf_addz(b, "SELECT ");
    sql_columns(b, res, &l->columns);
    buf_addf(b, ", t.%.*s::text, t.%.*s::text %.*s", STR_ARG(res->fields[l->query.sort].name), STR_ARG(id_name(res)), STR_ARG(from));
}

static void add_from(struct buf *b, const struct resource *res, struct list *l)
{
    buf_addf(b, "FROM %s t WHERE t.deleted_time IS NULL%.*s", res->table, STR_ARG(l->where));
    add_cursor(b, res, l);
}

static void add_range(struct buf *b, const struct resource *res, const struct list_query *q, int first_param)
{
    add_order(b, res, q);
    buf_addf(b, " LIMIT $%d::bigint OFFSET $%d::bigint", first_param, first_param + 1);
}

/* No statistics tell a rare keyword from a common one, nor a department that has little from one that has much, and each needs the
 * other's opposite: what few rows have is taken from its index and sorted; what many have is soon met walking along the list's own
 * order. */
static bool is_sought(const struct req *r, const struct list *l)
{
    return !str_is_none(l->query.keyword) || (r->route->resource->owner >= 0 && scope_is_of_departments(&l->query.scope));
}

/* Is its total wanted? It is for what is sought, too. */
static bool is_counted(const struct req *r, const struct list *l)
{
    return is_sought(r, l) || l->query.total != TOTAL_NONE;
}

/* A total that changes as time goes by is not kept, nor one of what no event tells of. */
static bool is_kept(const struct req *r, const struct list *l)
{
    return !l->query.only && !r->route->resource->is_untold;
}

static bool is_common(const struct list *l)
{
    return l->total >= TOTAL_KEPT_FROM;
}

static void add_few(struct buf *b, const struct resource *res, struct list *l)
{
    buf_addf(b, "WITH few AS MATERIALIZED (SELECT t.%.*s, t.%.*s ", STR_ARG(id_name(res)), STR_ARG(res->fields[l->query.sort].name));
    add_from(b, res, l);
    buf_addf(b, ") SELECT t.%.*s AS id FROM few t", STR_ARG(id_name(res)));
}

static void where_of_common(struct req *r, struct list *l)
{
    struct buf walk;
    buf_init(&walk, SQL_MAX);
    l->page = (struct sql_params){ 0 };
    sql_where_walk(&walk, &l->page, &r->arena, r->route->resource, &l->query);
    l->where = arena_dup(&r->arena, buf_str(&walk));
    buf_done(&walk);
}

static struct str page_sql(struct req *r, struct list *l)
{
    const struct resource *res = r->route->resource;
    const struct list_query *q = &l->query;
    int64_t offset = (q->page - 1) * q->size;
    bool sought = is_sought(r, l), by_id = sought || offset >= DEEP_OFFSET;
    struct buf inner, b;
    buf_init(&inner, SQL_MAX);
    buf_init(&b, SQL_MAX);
    if (sought && is_common(l)) where_of_common(r, l);
    if (sought && !is_common(l)) add_few(&inner, res, l);
    else {
        if (by_id) buf_addf(&inner, "SELECT t.%.*s AS id ", STR_ARG(id_name(res)));
        add_from(&inner, res, l);
    }
    l->page.values[l->page.count++] = param_text(&r->arena, q->size);
    l->page.values[l->page.count++] = param_text(&r->arena, offset);
    add_range(&inner, res, q, l->page.count - 1);
    (by_id ? wrap_ids : wrap_rows)(&b, res, l, buf_str(&inner));
    struct str sql = arena_dup(&r->arena, buf_str(&b));
    buf_done(&inner);
    buf_done(&b);
    return sql;
}

static const struct pg_stmt *shape(struct req *r, struct str sql)
{
    return shapes_statement(r->worker->shapes, &r->arena, sql);
}

static void add_page(struct req *r, struct list *l, struct pg_segment *s)
{
    struct str sql = page_sql(r, l);
    l->segment = s;
    l->page_call = s->count;
    pg_add_binary(s, shape(r, sql), l->page.values, l->page.count);
}

static void add_stored(struct req *r, struct list *l, struct pg_segment *s)
{
    const struct resource *res = r->route->resource;
    l->keep[0] = total_key(&r->arena, res, l->where, &l->stored);
    l->totals = s;
    struct str sql = total_stored(&r->arena, res, l->where, l->keep[0], &l->query.scope, &l->stored);
    pg_add(s, shape(r, sql), l->stored.values, l->stored.count);
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
    bool sought = is_sought(r, l);
    struct buf b;
    buf_init(&b, SQL_MAX);
    sql_where(&b, &l->page, &r->arena, res, &l->query);
    l->where = arena_dup(&r->arena, buf_str(&b));
    buf_done(&b);
    l->stored = l->count = l->page;
    if (sought && !is_kept(r, l)) return STEP_NEXT;
    struct pg_segment *s = segment_new(r, PG_SLOW, true);
    if (is_counted(r, l) && is_kept(r, l)) add_stored(r, l, s);
    if (!sought) add_page(r, l, s);
    pg_submit(r->worker->pg, s);
    return STEP_WAIT;
}

static enum step list_count(struct req *r)
{
    struct list *l = r->state;
    if (!is_counted(r, l) || (l->totals && pg_rows(l->totals, 0))) return STEP_NEXT;
    struct str sql = total_count(&r->arena, r->route->resource, l->where, &l->query, is_kept(r, l) ? l->keep[0] : NULL, &l->count);
    l->counted = true;
    l->counting_us = clock_us();
    l->totals = segment_new(r, PG_COUNT, true);
    pg_add(l->totals, shape(r, sql), l->count.values, l->count.count);
    pg_submit(r->worker->pg, l->totals);
    return STEP_WAIT;
}

static bool is_worth_keeping(const struct req *r, const struct list *l)
{
    if (l->query.total != TOTAL_EXACT || !is_kept(r, l)) return false;
    struct str stale = pg_value(l->totals, 0, 0, TOTAL_STALE);
    return str_is_none(stale) ? l->total >= TOTAL_KEPT_FROM || l->was_slow : str_is(stale, "true");
}

static enum step list_page(struct req *r)
{
    struct list *l = r->state;
    l->was_slow = l->counted && clock_us() - l->counting_us > TOTAL_SLOW_US;
    if (l->totals) str_to_i64(pg_value(l->totals, 0, 0, TOTAL_ROWS), 0, INT64_MAX, &l->total);
    bool keep = is_worth_keeping(r, l);
    if (l->segment && !keep) return STEP_NEXT;
    struct pg_segment *s = segment_new(r, PG_SLOW, !keep);
    if (keep) {
        l->keep[1] = param_text(&r->arena, l->total);
        l->keep[2] = arena_cstr(&r->arena, pg_value(l->totals, 0, 0, TOTAL_SNAPSHOT));
        pg_add(s, &stmt_total_keep, l->keep, 3);
    }
    if (!l->segment) add_page(r, l, s);
    pg_submit(r->worker->pg, s);
    return STEP_WAIT;
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
    struct str value = pg_value(l->segment, l->page_call, rows - 1, extra),
               id = pg_value(l->segment, l->page_call, rows - 1, extra + 1);
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

static const step_fn list_steps[] = { list_begin, list_query, list_count, list_page, list_names, list_reply, NULL };

void rest_list(struct req *r)
{
    flow_start(r, list_steps);
}
