/* Lists: the page as an index range, the total as "counted once, plus what the outbox says has changed since". */
#include "rest/rest.h"

#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/cursor.h"
#include "rest/names.h"
#include "rest/row.h"
#include "rest/segment.h"
#include "rest/total.h"
#include "schema/sql.h"
#include "schema/type.h"

enum { SQL_MAX = 32 * 1024, DEEP_OFFSET = 1000, PAGE_CALL = 0, TOTAL_CALL = 1 };

struct list {
    struct list_query query;
    struct columns columns;
    struct sql_params page, total;
    struct pg_segment *segment;
};

static struct rows found(struct req *r, const struct list *l)
{
    return (struct rows){ .req = r, .resource = r->route->resource, .columns = &l->columns, .segment = l->segment, .call = PAGE_CALL,
                          .until = pg_rows(l->segment, PAGE_CALL) };
}

static struct str id_name(const struct resource *r)
{
    return r->fields[r->id].name;
}

static const char *param_text(struct arena *a, int64_t n)
{
    return arena_printf(a, "%lld", (long long)n).p;
}

static bool add_cursor(struct req *r, struct buf *b, struct list *l)
{
    const struct resource *res = r->route->resource;
    struct str value, id;
    if (str_is_none(l->query.cursor)) return true;
    if (!cursor_read(&r->arena, res, &l->query, &value, &id)) {
        problem_add(&r->problem, &r->arena, E_INVALID_FIELD, STR("cursor"), STR("is not a cursor of this list and sort"));
        return false;
    }
    const struct field *sort = &res->fields[l->query.sort];
    l->page.values[l->page.count++] = arena_cstr(&r->arena, value);
    l->page.values[l->page.count++] = arena_cstr(&r->arena, id);
    buf_addf(b, " AND (t.%.*s, t.%.*s) %c ($%d::%s, $%d::uuid)", STR_ARG(sort->name), STR_ARG(id_name(res)),
             l->query.ascending ? '>' : '<', l->page.count - 1, types[sort->type].cast, l->page.count);
    return true;
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

static bool add_from(struct req *r, struct buf *b, struct list *l, struct str where)
{
    buf_addf(b, "FROM %s t WHERE t.deleted_time IS NULL%.*s", r->route->resource->table, STR_ARG(where));
    return add_cursor(r, b, l);
}

static void add_range(struct buf *b, const struct resource *res, const struct list_query *q, int first_param)
{
    add_order(b, res, q);
    buf_addf(b, " LIMIT $%d::bigint OFFSET $%d::bigint", first_param, first_param + 1);
}

/* No statistics tell a rare keyword from a common one, and each needs the other's opposite: what few rows have is taken from
 * the keyword's index and sorted; what many have is soon met walking along the list's own order. A total that was worth
 * storing says "many" at once; else the index is asked for one row more than few. */
static bool keyword_ids(struct req *r, struct buf *b, struct list *l, struct str where, int range)
{
    const struct resource *res = r->route->resource;
    const struct list_query *q = &l->query;
    struct str id = id_name(res), sort = res->fields[q->sort].name;
    struct buf walk;
    buf_init(&walk, SQL_MAX);
    sql_where_walk(&walk, &l->page, &r->arena, res, q);
    l->page.values[l->page.count++] = total_key(&r->arena, res, where, &l->total);
    buf_addf(b, "WITH known AS MATERIALIZED (SELECT EXISTS (SELECT FROM list_total k "
                "WHERE k.key = sha256(convert_to($%d::text, 'UTF8'))) AS many), few AS MATERIALIZED (SELECT t.%.*s, t.%.*s ",
             l->page.count, STR_ARG(id), STR_ARG(sort));
    bool ok = add_from(r, b, l, where);
    buf_addf(b, " AND NOT (SELECT many FROM known) LIMIT %d), many AS MATERIALIZED (SELECT known.many OR (SELECT count(*) > %d "
                "FROM few) AS yes FROM known) (SELECT t.%.*s AS id FROM few t WHERE NOT (SELECT yes FROM many)",
             TOTAL_KEPT_FROM + 1, TOTAL_KEPT_FROM, STR_ARG(id));
    add_range(b, res, q, range);
    buf_addf(b, ") UNION ALL (SELECT t.%.*s ", STR_ARG(id));
    ok = add_from(r, b, l, buf_str(&walk)) && ok;
    buf_addz(b, " AND (SELECT yes FROM many)");
    add_range(b, res, q, range);
    buf_addc(b, ')');
    ok = ok && buf_ok(&walk);
    buf_done(&walk);
    return ok;
}

static bool page_sql(struct req *r, struct list *l, struct str where, struct str *ret)
{
    const struct resource *res = r->route->resource;
    struct list_query *q = &l->query;
    int64_t offset = (q->page - 1) * q->size;
    bool by_keyword = !str_is_none(q->keyword), ok;
    struct buf inner, b;
    buf_init(&inner, SQL_MAX);
    buf_init(&b, SQL_MAX);
    l->page.values[l->page.count++] = param_text(&r->arena, q->size);
    l->page.values[l->page.count++] = param_text(&r->arena, offset);
    int range = l->page.count - 1;
    if (by_keyword) ok = keyword_ids(r, &inner, l, where, range);
    else {
        if (offset >= DEEP_OFFSET) buf_addf(&inner, "SELECT t.%.*s AS id ", STR_ARG(id_name(res)));
        ok = add_from(r, &inner, l, where);
        add_range(&inner, res, q, range);
    }
    (by_keyword || offset >= DEEP_OFFSET ? wrap_ids : wrap_rows)(&b, res, l, buf_str(&inner));
    ok = ok && buf_ok(&b) && buf_ok(&inner);
    *ret = arena_dup(&r->arena, buf_str(&b));
    buf_done(&inner);
    buf_done(&b);
    return ok;
}

static void add_total(struct req *r, struct list *l, struct str where)
{
    struct str sql = total_sql(&r->arena, r->route->resource, l->query.total, where, &l->total);
    pg_add(l->segment, shapes_statement(r->worker->shapes, &r->arena, sql), l->total.values, l->total.count);
}

static enum step list_query(struct req *r)
{
    struct list *l = arena_new(&r->arena, struct list);
    const struct resource *res = r->route->resource;
    struct str page;
    r->state = l;
    sql_columns_of(&l->columns, res, &res->views[VIEW_LIST]);
    if (!list_query_read(&r->arena, res, r->query, &l->query, &r->problem)) return STEP_FAIL;
    struct buf b;
    buf_init(&b, SQL_MAX);
    sql_where(&b, &l->page, &r->arena, res, &l->query);
    struct str where = arena_dup(&r->arena, buf_str(&b));
    buf_done(&b);
    l->total = l->page;
    if (!page_sql(r, l, where, &page)) return STEP_FAIL;
    l->segment = segment_new(r, PG_SLOW, l->query.total != TOTAL_EXACT);
    pg_add_binary(l->segment, shapes_statement(r->worker->shapes, &r->arena, page), l->page.values, l->page.count);
    if (l->query.total != TOTAL_NONE)
        add_total(r, l, where);
    pg_submit(r->worker->pg, l->segment);
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
    int64_t total = 0;
    if (l->query.total == TOTAL_NONE) {
        jw_key(w, STR("total"));
        jw_null(w);
        jw_key(w, STR("pages"));
        jw_null(w);
        return;
    }
    str_to_i64(pg_value(l->segment, TOTAL_CALL, 0, 0), 0, INT64_MAX, &total);
    write_number(w, STR("total"), total);
    write_number(w, STR("pages"), (total + l->query.size - 1) / l->query.size);
}

static void write_cursor(struct req *r, struct jw *w, const struct list *l, int rows)
{
    if (rows == 0 || rows < l->query.size) return;
    int extra = (int)l->columns.count;
    struct str value = pg_value(l->segment, PAGE_CALL, rows - 1, extra),
               id = pg_value(l->segment, PAGE_CALL, rows - 1, extra + 1);
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
    reply_end(r, &w);
    return STEP_WAIT;
}

static const step_fn list_steps[] = { list_query, list_names, list_reply, NULL };

void rest_list(struct req *r)
{
    flow_start(r, list_steps);
}
