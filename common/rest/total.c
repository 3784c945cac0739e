#include "rest/total.h"

enum { SQL_MAX = 64 * 1024, REFRESH_AFTER = 200 };

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

/* What one image of the outbox rows beyond the stored snapshot adds or takes. */
static void changes(struct buf *b, const struct resource *r, struct str where, const char *image, const char *sign)
{
    buf_addf(b,
             "SELECT %s1 AS delta FROM outbox o, jsonb_populate_record(NULL::%s, o.%s) t "
             "WHERE o.aggregate = '%.*s' AND o.xid >= pg_snapshot_xmin(l.snapshot) AND NOT "
             "pg_visible_in_snapshot(o.xid, l.snapshot) "
             "AND o.%s IS NOT NULL AND t.deleted_time IS NULL%.*s",
             sign, r->table, image, STR_ARG(r->name), image, STR_ARG(where));
}

static void hit(struct buf *b, const struct resource *r, struct str where, int key)
{
    buf_addz(b, "WITH hit AS MATERIALIZED (SELECT l.total + d.delta AS total, d.seen, l.stored_at FROM list_total l, "
                "LATERAL (SELECT coalesce(sum(e.delta), 0) AS delta, count(*) AS seen FROM (");
    changes(b, r, where, "after", "");
    buf_addz(b, " UNION ALL ");
    changes(b, r, where, "before", "-");
    buf_addf(
        b,
        ") AS e) AS d WHERE l.key = sha256(convert_to($%d::text, 'UTF8')) AND l.stored_at > now() - interval '1 hour')",
        key);
}

static void exact(struct buf *b, const struct resource *r, struct str where, int key)
{
    buf_addf(b, ", counted AS MATERIALIZED (SELECT count(*) AS total FROM %s t WHERE t.deleted_time IS NULL%.*s "
                "AND NOT EXISTS (SELECT FROM hit))", r->table, STR_ARG(where));
    buf_addz(b, ", answer AS MATERIALIZED (SELECT coalesce((SELECT total FROM hit), (SELECT total FROM counted)) AS total, "
                "(SELECT seen FROM hit) AS seen, (SELECT stored_at FROM hit) < now() - interval '30 minutes' AS old)");
    buf_addf(b, ", kept AS (INSERT INTO list_total (key, total, snapshot) "
                "SELECT sha256(convert_to($%d::text, 'UTF8')), total, pg_current_snapshot() FROM answer "
                "WHERE (seen IS NULL AND total >= %d) OR seen > %d OR old ON CONFLICT (key) DO UPDATE "
                "SET total = excluded.total, snapshot = excluded.snapshot, stored_at = now()) SELECT total FROM answer",
             key, TOTAL_KEPT_FROM, REFRESH_AFTER);
}

static void estimate(struct buf *b, const struct resource *r, struct str where)
{
    buf_addf(b, " SELECT coalesce((SELECT total FROM hit), (SELECT count(*) FROM (SELECT 1 FROM %s t "
                "WHERE t.deleted_time IS NULL%.*s LIMIT 10001) AS counted))", r->table, STR_ARG(where));
}

struct str total_sql(struct arena *a, const struct resource *r, enum total_mode mode, struct str where, struct sql_params *params)
{
    const char *key = total_key(a, r, where, params);
    params->values[params->count++] = key;
    struct buf b;
    buf_init(&b, SQL_MAX);
    hit(&b, r, where, params->count);
    if (mode == TOTAL_EXACT) exact(&b, r, where, params->count);
    else estimate(&b, r, where);
    struct str sql = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return sql;
}
