#include "rest/total.h"

/* Events beyond a stored snapshot: from REFRESH_AFTER on the sum is stored anew; looking through more than EVENTS_MAX would
 * take longer than counting does. The rows of some SAMPLE_PAGES tell whether one of SAMPLE_PART and more has a keyword. */
enum { SQL_MAX = 64 * 1024, REFRESH_AFTER = 30, EVENTS_MAX = 3000, SAMPLE_PAGES = 40, SAMPLE_PART = 40, ESTIMATE_MAX = 10001 };

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
static void changes(struct buf *b, const struct resource *r, struct str where, const char *image, const char *sign)
{
    buf_addf(b,
             "SELECT %s1 AS delta FROM outbox o, jsonb_populate_record(NULL::%s, o.%s) t "
             "WHERE o.aggregate = '%.*s' AND o.turn >= pg_snapshot_xmin(l.snapshot) AND NOT "
             "pg_visible_in_snapshot(o.xid, l.snapshot) "
             "AND o.%s IS NOT NULL AND t.deleted_time IS NULL%.*s",
             sign, r->table, image, STR_ARG(r->name), image, STR_ARG(where));
}

static struct str finished(struct arena *a, struct buf *b)
{
    struct str sql = arena_dup(a, buf_str(b));
    buf_done(b);
    return sql;
}

/* The outbox says what has changed of records, not of people: rest_access.sql. */
static const char *unless_moved(const struct resource *r, const struct scope *scope)
{
    if (r->owner < 0 || !scope_is_of_departments(scope)) return "";
    return " AND NOT EXISTS (SELECT FROM user_ref u WHERE u.moved >= pg_snapshot_xmin(s.snapshot) "
           "AND NOT pg_visible_in_snapshot(u.moved, s.snapshot))";
}

struct str total_stored(struct arena *a, const struct resource *r, struct str where, const char *key, const struct scope *scope,
                        struct sql_params *params)
{
    struct buf b;
    buf_init(&b, SQL_MAX);
    params->values[params->count++] = key;
    buf_addf(&b, "WITH stored AS MATERIALIZED (SELECT s.total, s.snapshot, s.stored_at, (SELECT count(*) FROM (SELECT FROM outbox o "
                 "WHERE o.turn >= pg_snapshot_xmin(s.snapshot) LIMIT %d) AS event) AS events FROM list_total s "
                 "WHERE s.key = sha256(convert_to($%d::text, 'UTF8')) AND s.stored_at > now() - interval '1 day'%s) "
                 "SELECT l.total + d.delta, pg_current_snapshot()::text, "
                 "(l.events > %d OR l.stored_at < now() - interval '12 hours')::text FROM stored l, "
                 "LATERAL (SELECT coalesce(sum(e.delta), 0) AS delta FROM (",
             EVENTS_MAX + 1, params->count, unless_moved(r, scope), REFRESH_AFTER);
    changes(&b, r, where, "after", "");
    buf_addz(&b, " UNION ALL ");
    changes(&b, r, where, "before", "-");
    buf_addf(&b, ") AS e) AS d WHERE l.events <= %d", EVENTS_MAX);
    return finished(a, &b);
}

/* A keyword that many rows have is met soonest by looking through all texts; else its index names the rows. The sample is of pages
 * anywhere: the newest rows tell nothing of a customer who bought last year. */
static void count_keyword(struct buf *b, const struct resource *r, struct str where, struct str walk)
{
    buf_addf(b, "CASE WHEN (SELECT count(*) FILTER (WHERE true%.*s) * %d >= count(*) FROM %s t TABLESAMPLE SYSTEM ((SELECT 100.0 * %d / "
                "greatest(relpages, %d) FROM pg_class WHERE oid = '%s'::regclass)) WHERE t.deleted_time IS NULL) "
                "THEN (SELECT count(*) FROM %s t WHERE t.deleted_time IS NULL%.*s) "
                "ELSE (SELECT count(*) FROM %s t WHERE t.deleted_time IS NULL%.*s) END",
             STR_ARG(walk), SAMPLE_PART, r->table, SAMPLE_PAGES, SAMPLE_PAGES, r->table, r->table, STR_ARG(walk), r->table,
             STR_ARG(where));
}

static void count_exactly(struct buf *b, struct arena *a, const struct resource *r, struct str where, const struct list_query *q,
                          struct sql_params *params)
{
    struct buf walk;
    buf_init(&walk, SQL_MAX);
    buf_addz(b, "SELECT ");
    if (!str_is_none(q->keyword)) {
        sql_where_walk(&walk, params, a, r, q);
        count_keyword(b, r, where, buf_str(&walk));
    } else buf_addf(b, "(SELECT count(*) FROM %s t WHERE t.deleted_time IS NULL%.*s)", r->table, STR_ARG(where));
    buf_addz(b, ", pg_current_snapshot()::text");
    buf_done(&walk);
}

struct str total_count(struct arena *a, const struct resource *r, struct str where, const struct list_query *q, const char *key,
                       struct sql_params *params)
{
    struct buf b;
    buf_init(&b, SQL_MAX);
    if (q->total == TOTAL_EXACT) {
        struct str stored = key ? total_stored(a, r, where, key, &q->scope, params) : STR_NONE;
        if (key) buf_addf(&b, "WITH known AS MATERIALIZED (%.*s) SELECT * FROM known UNION ALL ", STR_ARG(stored));
        count_exactly(&b, a, r, where, q, params);
        if (key) buf_addz(&b, ", NULL WHERE NOT EXISTS (SELECT FROM known)");
    } else
        buf_addf(&b, "SELECT count(*), NULL FROM (SELECT FROM %s t WHERE t.deleted_time IS NULL%.*s LIMIT %d) AS counted",
                 r->table, STR_ARG(where), ESTIMATE_MAX);
    return finished(a, &b);
}
