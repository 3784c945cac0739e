/* The feed of revocations: which tokens are over before they expire, for gateways and services that ask again and again
 * (auth/revocations). It is public on the inner network, as the public keys are, for who asks has no token yet; it holds ids only, and
 * the gateway does not route it.
 *
 * A cursor is three numbers, "<xid>-<id>-<floor>". Rows after (xid, id) are meant. `floor` is 0 but between two pages: then it is the
 * oldest transaction under way when the first page was read, and where the look after the last page begins. A cursor from beyond
 * what this cluster knows is of another one (a backup was restored): all is told again. */
#include "auth.h"

#include "auth-service_routes.h"
#include "base/limits.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/segment.h"
#include "schema/query.h"

/* Four values for each, within what the strict reader takes. */
#define PAGE "4000"
_Static_assert(4000 * 4 + 4 < LIMIT_JSON_VALUES, "a page can be read");
#define LIFE "86430 seconds"
_Static_assert(LIMIT_TOKEN_LIFE_S + LIMIT_CLOCK_LEEWAY_S == 86430, "told until the last token is over");

const struct pg_stmt stmt_revocations = {
    "revocations",
    "WITH here AS (SELECT pg_current_snapshot() AS snapshot), "
    "page AS MATERIALIZED (SELECT r.* FROM revocations r WHERE (r.xid, r.revocation_id) > "
    "(CASE WHEN $1::xid8 > pg_snapshot_xmax(pg_current_snapshot()) THEN '0'::xid8 ELSE $1::xid8 END, $2::bigint) "
    "AND r.created_time > now() - interval '" LIFE "' ORDER BY r.xid, r.revocation_id LIMIT " PAGE "), "
    "floor AS (SELECT CASE WHEN $3 <> '0' THEN $3 ELSE pg_snapshot_xmin(snapshot)::text END AS xid FROM here), "
    "full_page AS (SELECT count(*) = " PAGE " AS more FROM page) "
    "SELECT json_build_object('next', CASE WHEN more THEN (SELECT xid::text || '-' || revocation_id FROM page ORDER BY page.xid DESC, "
    "revocation_id DESC LIMIT 1) || '-' || floor.xid ELSE floor.xid || '-0-0' END, 'more', more, 'revocations', "
    "coalesce((SELECT json_agg(json_strip_nulls(json_build_object('session_id', session_id, 'user_id', user_id, 'generation', generation, "
    "'until', extract(epoch FROM created_time + interval '" LIFE "')::bigint))) FROM page), '[]')) FROM full_page, floor"
};

struct feed {
    struct pg_segment *segment;
    const char *cursor[3];
};

static bool cursor_read(struct arena *a, struct str text, const char *cursor[3])
{
    struct str rest = text;
    int64_t n;
    for (int i = 0; i < 3; i++) {
        struct str part = str_cut(&rest, '-');
        if (!str_to_i64(part, 0, INT64_MAX, &n)) return false;
        cursor[i] = arena_cstr(a, part);
    }
    return str_is_none(rest);
}

static enum step feed_query(struct req *r)
{
    struct feed *f = r->state;
    struct query_param params[LIMIT_QUERY_PARAMS];
    size_t count = 0;
    if (!query_split(&r->arena, r->query, params, &count, &r->problem)) return STEP_FAIL;
    for (size_t i = 0; i < count; i++)
        if (!str_is(params[i].name, "after") || !cursor_read(&r->arena, params[i].value, f->cursor))
            problem_add(&r->problem, &r->arena, E_INVALID_FIELD, params[i].name, STR("is not a cursor of this feed"));
    if (r->problem.code != E_OK) return STEP_FAIL;
    f->segment = segment_new(r, PG_FAST, true);
    pg_add(f->segment, &stmt_revocations, f->cursor, 3);
    pg_submit(r->worker->pg, f->segment);
    return STEP_WAIT;
}

static enum step feed_reply(struct req *r)
{
    struct feed *f = r->state;
    req_reply_header(r, STR("Cache-Control"), STR("no-store"));
    reply_raw(r, 200, STR("application/json; charset=utf-8"), pg_value(f->segment, 0, 0, 0));
    return STEP_WAIT;
}

static const step_fn feed_steps[] = { feed_query, feed_reply, NULL };

void auth_revocations(struct req *r)
{
    struct feed *f = arena_new(&r->arena, struct feed);
    *f = (struct feed){ .cursor = { "0", "0", "0" } };
    r->state = f;
    flow_start(r, feed_steps);
}
