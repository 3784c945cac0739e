#include "rest/page.h"

#include "schema/keyword.h"
#include "schema/type.h"

/* DEEP_OFFSET: from there on the rows before the page are skipped in the index alone. A row walked over costs 1, or NAMED_COST where the
 * name of what it refers to is looked up, and one that the index of keywords names INDEX_COST. A walk is WALK_MARGIN times as long as is
 * expected, and a second one WALK_ON times as long as the first, if that costs half of what the index would at most. */
enum { SQL_MAX = 32 * 1024, DEEP_OFFSET = 1000, INDEX_COST = 2, NAMED_COST = 4, WALK_MARGIN = 4, WALK_LEAST = 1024, WALK_ON = 16,
       PLANNED_LEAST = 16 };

static struct str finished(struct arena *a, struct buf *b)
{
    struct str sql = arena_dup(a, buf_str(b));
    buf_done(b);
    return sql;
}

static struct str id_name(const struct page *p)
{
    return p->resource->fields[p->resource->id].name;
}

static struct str sort_name(const struct page *p)
{
    return p->resource->fields[p->query->sort].name;
}

static int64_t offset_of(const struct list_query *q)
{
    return (q->page - 1) * q->size;
}

static int number(struct arena *a, struct sql_params *params, int64_t n)
{
    return sql_param(params, arena_printf(a, "%lld", (long long)n).p);
}

static void add_cursor(struct buf *b, const struct page *p, struct sql_params *params)
{
    if (!p->after[0]) return;
    int value = sql_param(params, p->after[0]), id = sql_param(params, p->after[1]);
    buf_addf(b, " AND (t.%.*s, t.%.*s) %c ($%d::%s, $%d::uuid)", STR_ARG(sort_name(p)), STR_ARG(id_name(p)),
             p->query->ascending ? '>' : '<', value, types[p->resource->fields[p->query->sort].type].cast, id);
}

static void add_order(struct buf *b, const struct page *p)
{
    const char *direction = p->query->ascending ? "ASC" : "DESC";
    buf_addf(b, " ORDER BY t.%.*s %s, t.%.*s %s", STR_ARG(sort_name(p)), direction, STR_ARG(id_name(p)), direction);
}

/* `least`, or four times that, or four times that: each is a statement of its own. */
static int64_t some_rows(double rows, int64_t least)
{
    while ((double)least < rows) least *= 4;
    return least;
}

/* PostgreSQL plans a statement for each call as long as the values promise a better plan than others would have, and that takes longer than
 * reading a page. What a SELECT hides promises nothing. */
static void add_range(struct buf *b, struct arena *a, const struct page *p, struct sql_params *params)
{
    int size = number(a, params, p->query->size), offset = number(a, params, offset_of(p->query));
    buf_addf(b, " LIMIT (SELECT $%d::bigint) OFFSET (SELECT $%d::bigint)", size, offset);
}

/* Is there one best plan, whatever the values? An index has the rows of a filter in the usual order, and near to its beginning is best read
 * along it. Of rows that are only added there is but one plan. */
static bool is_plain(const struct page *p)
{
    const struct list_query *q = p->query;
    int filters = q->scope.reach != NULL;
    for (size_t i = 0; i < p->resource->field_count; i++) filters += q->filters[i] != NULL;
    if ((q->from || q->until) && q->sort != p->resource->dates) filters++;
    bool is_one = filters == 0 || (filters == 1 && q->sort == p->resource->sort) || p->resource->is_appended;
    return !q->only && offset_of(q) < DEEP_OFFSET && is_one;
}

static void add_columns(struct buf *b, const struct page *p)
{
    buf_addz(b, "SELECT ");
    sql_columns(b, p->resource, p->columns);
    buf_addf(b, ", t.%.*s::text, t.%.*s::text ", STR_ARG(sort_name(p)), STR_ARG(id_name(p)));
}

static void add_from(struct buf *b, const struct page *p, struct str where, struct sql_params *params)
{
    buf_addf(b, "FROM %s t WHERE t.deleted_time IS NULL%.*s", p->resource->table, STR_ARG(where));
    add_cursor(b, p, params);
}

/* Only the page's own rows are read. */
static struct str with_ids(struct arena *a, const struct page *p, struct buf *ids)
{
    struct buf b;
    buf_init(&b, SQL_MAX);
    add_columns(&b, p);
    buf_addf(&b, "FROM (%.*s) AS page JOIN %s t ON t.%.*s = page.id", STR_ARG(buf_str(ids)), p->resource->table, STR_ARG(id_name(p)));
    add_order(&b, p);
    buf_done(ids);
    return finished(a, &b);
}

static void add_id(struct buf *b, const struct page *p)
{
    buf_addf(b, "SELECT t.%.*s AS id ", STR_ARG(id_name(p)));
}

/* The plan is for about as many rows as are wanted, and no others. */
static void add_plain(struct buf *b, struct arena *a, const struct page *p, struct str rows, struct sql_params *params)
{
    double wanted = (double)(offset_of(p->query) + p->query->size);
    buf_addf(b, "SELECT * FROM (%.*s LIMIT %lld) AS t", STR_ARG(rows), (long long)some_rows(wanted, PLANNED_LEAST));
    add_range(b, a, p, params);
}

static void add_others(struct buf *b, struct arena *a, const struct page *p, struct str rows, struct sql_params *params)
{
    int size = number(a, params, p->query->size), offset = number(a, params, offset_of(p->query));
    buf_addf(b, "%.*s LIMIT $%d::bigint OFFSET $%d::bigint", STR_ARG(rows), size, offset);
}

struct str page_in_order(struct arena *a, const struct page *p, struct str where, struct sql_params *params)
{
    bool is_deep = offset_of(p->query) >= DEEP_OFFSET;
    struct buf rows, b;
    buf_init(&rows, SQL_MAX);
    buf_init(&b, SQL_MAX);
    (is_deep ? add_id : add_columns)(&rows, p);
    add_from(&rows, p, where, params);
    add_order(&rows, p);
    (is_plain(p) ? add_plain : add_others)(&b, a, p, buf_str(&rows), params);
    buf_done(&rows);
    return is_deep ? with_ids(a, p, &b) : finished(a, &b);
}

void page_add_few(struct buf *b, const struct page *p, struct str where)
{
    buf_addf(b, "few AS MATERIALIZED (SELECT t.%.*s, t.%.*s FROM %s t WHERE t.deleted_time IS NULL%.*s", STR_ARG(id_name(p)),
             STR_ARG(sort_name(p)), p->resource->table, STR_ARG(where));
}

void page_add_ids(struct buf *b, struct arena *a, const struct page *p, struct sql_params *params)
{
    add_id(b, p);
    buf_addz(b, "FROM few t WHERE true");
    add_cursor(b, p, params);
    add_order(b, p);
    add_range(b, a, p, params);
}

struct str page_of_few(struct arena *a, const struct page *p, struct str where, struct sql_params *params)
{
    struct buf b;
    buf_init(&b, SQL_MAX);
    buf_addz(&b, "WITH ");
    page_add_few(&b, p, where);
    buf_addz(&b, ") ");
    page_add_ids(&b, a, p, params);
    return with_ids(a, p, &b);
}

/* The rows to walk over, as `t`; to `each` what they are to be asked, unless NULL. */
static void add_walk(struct buf *b, struct buf *each, struct arena *a, const struct page *p, int64_t rows, struct sql_params *params)
{
    struct buf bounds;
    buf_init(&bounds, SQL_MAX);
    sql_where_walk(&bounds, each, params, a, p->resource, p->query, SEEK_EACH);
    buf_addz(b, "FROM (SELECT t.* ");
    add_from(b, p, buf_str(&bounds), params);
    add_order(b, p);
    buf_addf(b, " LIMIT %lld) AS t", (long long)rows);
    buf_done(&bounds);
}

/* Without an order of its own: the rows come in the order of those that are walked over, and PostgreSQL plans for few of them. */
struct str page_of_walk(struct arena *a, const struct page *p, int64_t rows, struct sql_params *params)
{
    struct buf b, each;
    buf_init(&b, SQL_MAX);
    buf_init(&each, SQL_MAX);
    add_id(&b, p);
    add_walk(&b, &each, a, p, rows, params);
    buf_addf(&b, " WHERE true%.*s", STR_ARG(buf_str(&each)));
    add_range(&b, a, p, params);
    buf_done(&each);
    return with_ids(a, p, &b);
}

struct str page_beyond_walk(struct arena *a, const struct page *p, struct str where, int64_t rows, struct sql_params *params)
{
    struct buf b;
    buf_init(&b, SQL_MAX);
    buf_addf(&b, "%.*s AND (SELECT count(*) = %lld ", STR_ARG(where), (long long)rows);
    add_walk(&b, NULL, a, p, rows, params);
    buf_addz(&b, ")");
    return page_of_few(a, p, finished(a, &b), params);
}

struct str page_of_ids(struct arena *a, const struct page *p, const char *ids, struct sql_params *params)
{
    struct buf b;
    buf_init(&b, SQL_MAX);
    add_columns(&b, p);
    buf_addf(&b, "FROM %s t WHERE t.deleted_time IS NULL AND t.%.*s = ANY ((SELECT $%d::uuid[])::uuid[])", p->resource->table,
             STR_ARG(id_name(p)), sql_param(params, ids));
    add_order(&b, p);
    return finished(a, &b);
}

static int64_t walk_cost(const struct page *p)
{
    return !str_is_none(p->query->keyword) && keyword_is_of_names(p->resource) ? NAMED_COST : 1;
}

int64_t page_walk(const struct page *p, int64_t total, int64_t among)
{
    if (total < 1) return 0;
    double expected = (double)among / (double)total * (double)(offset_of(p->query) + p->query->size);
    if (expected * (double)walk_cost(p) > (double)total * INDEX_COST) return 0;
    return some_rows(expected * WALK_MARGIN, WALK_LEAST);
}

int64_t page_further(const struct page *p, int64_t total, int64_t walked)
{
    int64_t rows = walked * WALK_ON;
    return rows * walk_cost(p) * 2 > total * INDEX_COST ? 0 : rows;
}
