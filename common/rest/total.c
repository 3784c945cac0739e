#include "rest/total.h"

#include "schema/keyword.h"

/* Events beyond a stored snapshot: from REFRESH_AFTER on the sum is stored anew. More than EVENTS_FEW are looked through only by who
 * waits in line, or after many changes all who ask would do so at once. More than EVENTS_MAX would take longer than counting does, or
 * than finding FOUND_PER_EVENT rows by a keyword for each. */
enum { REFRESH_AFTER = 30, EVENTS_FEW = 100, EVENTS_MAX = 3000, FOUND_PER_EVENT = 2 };

/* The rows of SAMPLE_PAGES tell whether one of SAMPLE_PART and more has a keyword. */
enum { SAMPLE_PAGES = 16, SAMPLE_PART = 40, FEW_MAX = 20000 };

enum { SQL_MAX = 64 * 1024, ESTIMATE_MAX = 10001 };

const char *total_key(struct arena *a, const struct resource *r, struct str where, const struct sql_params *params)
{
    struct buf b;
    buf_init(&b, SQL_MAX);
    buf_addf(&b, "%s%.*s", r->table, STR_ARG(where));
    for (int i = 0; i < params->count; i++) buf_addf(&b, "\x1f%s", params->values[i]);
    const char *key = arena_cstr(a, buf_str(&b));
    buf_done(&b);
    return key;
}

/* What one image of the outbox rows beyond the stored snapshot adds or takes. A turn is never below its transaction's number, and has the
 * index. */
static void add_image(struct buf *b, const struct resource *r, struct str where, const char *image, const char *sign)
{
    buf_addf(b,
             "SELECT %s1 AS delta FROM outbox o, jsonb_populate_record(NULL::%s, o.%s) t "
             "WHERE o.aggregate = '%.*s' AND o.turn >= pg_snapshot_xmin(l.snapshot) AND NOT "
             "pg_visible_in_snapshot(o.xid, l.snapshot) "
             "AND o.%s IS NOT NULL AND t.deleted_time IS NULL%.*s",
             sign, r->table, image, STR_ARG(r->name), image, STR_ARG(where));
}

static void add_changes(struct buf *b, const struct resource *r, struct str where)
{
    if (r->is_appended) {
        buf_addf(b, "SELECT 1 AS delta FROM %s_since(l.snapshot) t WHERE t.deleted_time IS NULL%.*s", r->table, STR_ARG(where));
        return;
    }
    add_image(b, r, where, "after", "");
    buf_addz(b, " UNION ALL ");
    add_image(b, r, where, "before", "-");
}

/* How much has changed, as far as that matters. */
static void add_events(struct buf *b, const struct resource *r, int most)
{
    if (r->is_appended) buf_addf(b, "%s_new(s.snapshot)", r->table);
    else buf_addf(b, "(SELECT count(*) FROM (SELECT FROM outbox o WHERE o.turn >= pg_snapshot_xmin(s.snapshot) LIMIT %d) AS event)", most);
}

static struct str finished(struct arena *a, struct buf *b)
{
    struct str sql = arena_dup(a, buf_str(b));
    buf_done(b);
    return sql;
}

static void add_unless(struct buf *b, const char *table, const char *column)
{
    buf_addf(b, " AND NOT EXISTS (SELECT FROM %s c WHERE c.%s >= pg_snapshot_xmin(s.snapshot) "
                "AND NOT pg_visible_in_snapshot(c.%s, s.snapshot))", table, column, column);
}

/* What is beside the changes of the records themselves: user_ref.moved is in rest_access.sql, `renamed` in rest_sought.sql. */
static void add_unless_others_changed(struct buf *b, struct arena *a, const struct resource *r, const struct list_query *q)
{
    if (r->is_appended) add_unless(b, arena_printf(a, "%s_gone", r->table).p, "turn");
    if (r->owner >= 0 && scope_is_of_departments(&q->scope)) add_unless(b, "user_ref", "moved");
    for (size_t i = 0; i < r->field_count && !str_is_none(q->keyword); i++) {
        const struct field *named = keyword_reference(r, &r->fields[i]);
        if (named) add_unless(b, named->ref->table, "renamed");
    }
}

/* As VACUUM and ANALYZE have last told; below 1: they have not. */
static void add_among(struct buf *b, const struct resource *r)
{
    buf_addf(b, "(SELECT reltuples::bigint FROM pg_class WHERE oid = '%s'::regclass)", r->table);
}

static struct str brought_up_to_date(struct arena *a, const struct resource *r, const struct list_query *q, const char *key, int events_max,
                                     struct sql_params *params)
{
    struct buf b, where;
    buf_init(&b, SQL_MAX);
    buf_init(&where, SQL_MAX);
    sql_where_walk(&where, &where, params, a, r, q, SEEK_EACH);
    buf_addz(&b, "WITH stored AS MATERIALIZED (SELECT s.total, s.snapshot, s.stored_at, ");
    add_events(&b, r, events_max + 1);
    buf_addf(&b, " AS events FROM list_total s "
                 "WHERE s.key = sha256(convert_to($%d::text, 'UTF8')) AND s.stored_at > now() - interval '1 day'",
             sql_param(params, key));
    add_unless_others_changed(&b, a, r, q);
    buf_addf(&b, ") SELECT l.total + d.delta, pg_current_snapshot()::text, "
                 "(l.events > %d OR l.stored_at < now() - interval '12 hours')::text, ", REFRESH_AFTER);
    add_among(&b, r);
    buf_addz(&b, ", NULL FROM stored l, LATERAL (SELECT coalesce(sum(e.delta), 0) AS delta FROM (");
    add_changes(&b, r, buf_str(&where));
    buf_addf(&b, ") AS e) AS d WHERE l.events <= %d", events_max);
    if (!str_is_none(q->keyword)) buf_addf(&b, " AND l.events <= greatest(%d, l.total / %d)", EVENTS_FEW, FOUND_PER_EVENT);
    buf_done(&where);
    return finished(a, &b);
}

struct str total_stored(struct arena *a, const struct resource *r, const struct list_query *q, const char *key, struct sql_params *params)
{
    return brought_up_to_date(a, r, q, key, EVENTS_FEW, params);
}

/* Has one row of SAMPLE_PART and more the keyword, whatever else is asked? Its index would name them all. Asked of the rows of a few
 * pages, evenly over the table, as the newest rows tell nothing of a customer who bought last year; always the same pages, which are in
 * memory then. */
static void is_common(struct buf *b, struct arena *a, const struct page *p, struct sql_params *params)
{
    const struct resource *r = p->resource;
    struct buf keyword;
    buf_init(&keyword, SQL_MAX);
    keyword_add(&keyword, params, a, r, p->query, SEEK_EACH);
    buf_addf(b, "(SELECT sum(s.hits) * %d >= sum(s.seen) "
                "FROM (SELECT pg_relation_size('%s') / current_setting('block_size')::int AS pages) c, generate_series(0, %d) n, "
                "LATERAL (SELECT count(*) AS seen, count(*) FILTER (WHERE true%.*s) AS hits FROM %s t "
                "WHERE t.deleted_time IS NULL AND t.ctid >= format('(%%s,0)', c.pages * n / %d)::tid "
                "AND t.ctid < format('(%%s,0)', c.pages * n / %d + 1)::tid) s)",
             SAMPLE_PART, r->table, SAMPLE_PAGES - 1, STR_ARG(buf_str(&keyword)), r->table, SAMPLE_PAGES, SAMPLE_PAGES);
    buf_done(&keyword);
}

/* A keyword that many rows have is met soonest by looking through all texts. Else its index names the rows, of which the page is; if
 * they are more than FEW_MAX, the sample was wrong. OFFSET 0: else PostgreSQL does it all once for each of the two. */
static void count_keyword(struct buf *b, struct arena *a, const struct page *p, struct str where, struct sql_params *params)
{
    const struct resource *r = p->resource;
    struct buf bounds, each;
    buf_init(&bounds, SQL_MAX);
    buf_init(&each, SQL_MAX);
    sql_where_walk(&bounds, &each, params, a, r, p->query, SEEK_ALL);
    buf_add(&each, buf_str(&bounds));
    buf_addz(b, "(WITH common AS MATERIALIZED (SELECT ");
    is_common(b, a, p, params);
    buf_addz(b, " AS known), ");
    page_add_few(b, p, where);
    buf_addf(b, " AND NOT (SELECT known FROM common) LIMIT %d) "
                "SELECT CASE WHEN (SELECT known FROM common) OR (SELECT count(*) FROM few) = %d "
                "THEN ARRAY[(SELECT count(*) FROM %s t WHERE t.deleted_time IS NULL%.*s)::text] "
                "ELSE ARRAY[(SELECT count(*) FROM few)::text, ARRAY(",
             FEW_MAX, FEW_MAX, r->table, STR_ARG(buf_str(&each)));
    page_add_ids(b, a, p, params);
    buf_addz(b, ")::text] END AS at OFFSET 0) AS found");
    buf_done(&bounds);
    buf_done(&each);
}

static void count_exactly(struct buf *b, struct arena *a, const struct page *p, struct str where, struct sql_params *params)
{
    bool by_keyword = !str_is_none(p->query->keyword);
    buf_addf(b, "SELECT %s, pg_current_snapshot()::text, NULL, ", by_keyword ? "found.at[1]::bigint" : "count(*)");
    add_among(b, p->resource);
    buf_addf(b, ", %s FROM ", by_keyword ? "found.at[2]" : "NULL");
    if (by_keyword) count_keyword(b, a, p, where, params);
    else buf_addf(b, "%s t WHERE t.deleted_time IS NULL%.*s", p->resource->table, STR_ARG(where));
}

struct str total_count(struct arena *a, const struct page *p, struct str where, const char *key, struct sql_params *params)
{
    const struct list_query *q = p->query;
    struct buf b;
    buf_init(&b, SQL_MAX);
    if (q->total == TOTAL_EXACT) {
        struct str stored = key ? brought_up_to_date(a, p->resource, q, key, EVENTS_MAX, params) : STR_NONE;
        if (key) buf_addf(&b, "WITH known AS MATERIALIZED (%.*s) SELECT * FROM known UNION ALL SELECT * FROM (", STR_ARG(stored));
        count_exactly(&b, a, p, where, params);
        if (key) buf_addz(&b, ") AS counted WHERE NOT EXISTS (SELECT FROM known)");
    } else {
        buf_addz(&b, "SELECT count(*), NULL, NULL, ");
        add_among(&b, p->resource);
        buf_addf(&b, ", NULL FROM (SELECT FROM %s t WHERE t.deleted_time IS NULL%.*s LIMIT %d) AS counted", p->resource->table,
                 STR_ARG(where), ESTIMATE_MAX);
    }
    return finished(a, &b);
}
