#include "rest/events.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/event_data.h"
#include "rest/segment.h"
#include "rest/sight.h"
#include "schema/query.h"
#include "schema/sql.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

enum { LIMIT_USUAL = 100, LIMIT_MOST = 500, WAIT_MOST_S = 30, LOOK_MS = 200, APART_MS = 20, TOLD_MS = 50 };
enum { RESOURCES_MAX = EVENTS_STATEMENTS_MAX - 2, SQL_MAX = 32 * 1024 };
enum { CALL_PLAN, CALL_PAGE };
enum { PAGE_EVENTS, PAGE_COUNT, PAGE_LAST, PAGE_XMIN, PAGE_EXPIRED };

/* One page that is asked for. The cursor is "events.<turn>.<event_id>" or "snapshot.<aggregate>.<id>.<turn>", the last being where
 * the events go on. */
struct page {
    bool aggregates[RESOURCES_MAX];
    int64_t limit, wait_s;
    size_t snapshot; /* which resource; resource_count: events */
    const char *after, *turn; /* id and floor, or event id and turn */
    const char *values[5];
    struct pg_segment *segment;
    uint64_t until_us, looked_us;
    struct req *req; /* while it waits: */
    struct event *timer;
    LIST_ENTRY(page) link;
};

struct events {
    struct worker *worker;
    LIST_HEAD(, page) waiting;
    uint64_t noted_us, looked_us; /* when there was news, and when somebody last looked */
    bool is_ending;
};

/* --- statements ---------------------------------------------------------------------------------------------------------- */

/* A page is read off the index that has its order, and planned once. Without statistics, such as of a table that has just grown,
 * PostgreSQL would sort all that is left for each page. */
static const struct pg_stmt statement_of_plan = {
    "events_plan", "SELECT set_config('enable_sort', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)"
};

static const struct resource *resources[RESOURCES_MAX];
static size_t resource_count;
static bool some_have_secrets;
static struct pg_stmt statement_of_events, statements_of_snapshots[RESOURCES_MAX];

#define TIME_OF(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

static struct pg_stmt statement(const char *name, struct buf *sql)
{
    if (!buf_ok(sql)) abort();
    struct pg_stmt s = { strdup(name), strndup(sql->data, sql->len) };
    buf_clear(sql);
    return s;
}

static struct pg_stmt make_snapshot(struct buf *b, const struct resource *r)
{
    char name[64];
    const char *id = r->fields[r->id].name.p;
    buf_addf(b, "WITH page AS MATERIALIZED (SELECT t.*, to_jsonb(t) AS image FROM %s t WHERE %s > $1::uuid ORDER BY %s LIMIT $2::integer) "
                "SELECT coalesce((SELECT json_agg(json_build_object('aggregate', '%s', 'aggregate_id', p.%s, "
                "'type', '%s.snapshot', 'version', p.version, 'time', " TIME_OF("p.updated_time") ", 'data', ",
             r->table, id, id, r->name.p, id, r->name.p);
    event_data_add(b, "p.image", r, "$3");
    buf_addf(b, ") ORDER BY p.%s) FROM page p), '[]'), (SELECT count(*) FROM page), (SELECT %s FROM page ORDER BY %s DESC LIMIT 1), "
                "pg_snapshot_xmin(pg_current_snapshot())", id, id, id);
    snprintf(name, sizeof name, "%s_snapshot", r->name.p);
    return statement(name, b);
}

/* || makes a value of its own: of a long one that is stored compressed, each look at a column would unpack it anew. */
static struct pg_stmt make_events(struct buf *b)
{
    buf_addz(b, "WITH page AS MATERIALIZED (SELECT o.*, o.after || '{}' AS image FROM outbox o "
                "WHERE (o.turn, o.event_id) > ($1::xid8, $2::bigint) AND o.turn < pg_snapshot_xmin(pg_current_snapshot()) "
                "AND o.aggregate = ANY ($3::text[]) ORDER BY o.turn, o.event_id LIMIT $4::integer) "
                "SELECT coalesce((SELECT json_agg(json_build_object('event_id', p.event_id, "
                "'aggregate', p.aggregate, 'aggregate_id', p.aggregate_id, 'type', p.type, 'version', p.version, 'time', "
                TIME_OF("p.created_time") ", 'data', CASE p.aggregate");
    for (size_t i = 0; i < resource_count; i++) {
        buf_addf(b, " WHEN '%s' THEN ", resources[i]->name.p);
        event_data_add(b, "p.image", resources[i], "$5");
    }
    buf_addz(b, " END) ORDER BY p.turn, p.event_id) FROM page p), '[]'), (SELECT count(*) FROM page), "
                "(SELECT turn || '.' || event_id FROM page ORDER BY turn DESC, event_id DESC LIMIT 1), "
                "pg_snapshot_xmin(pg_current_snapshot()), "
                "$1::xid8 <= (SELECT xid FROM feed_floor) OR $1::xid8 > pg_snapshot_xmax(pg_current_snapshot())");
    return statement("events", b);
}

size_t events_statements(const struct resource *const *all, const struct pg_stmt **to)
{
    struct buf b;
    buf_init(&b, SQL_MAX);
    for (resource_count = 0; *all; all++) {
        if ((*all)->is_untold) continue;
        if (resource_count == RESOURCES_MAX) abort();
        resources[resource_count] = *all;
        some_have_secrets |= event_data_has_secrets(*all);
        statements_of_snapshots[resource_count] = make_snapshot(&b, *all);
        to[resource_count] = &statements_of_snapshots[resource_count];
        resource_count++;
    }
    statement_of_events = make_events(&b);
    to[resource_count] = &statement_of_events;
    to[resource_count + 1] = &statement_of_plan;
    buf_done(&b);
    return resource_count + 2;
}

/* --- what is asked for ------------------------------------------------------------------------------------------------------ */

static size_t resource_named(struct str name)
{
    size_t i = 0;
    while (i < resource_count && !str_eq(resources[i]->name, name)) i++;
    return i;
}

static bool read_aggregates(struct page *p, struct str list)
{
    memset(p->aggregates, 0, sizeof p->aggregates);
    while (!str_is_none(list)) {
        size_t i = resource_named(str_cut(&list, ','));
        if (i == resource_count) return false;
        p->aggregates[i] = true;
    }
    return true;
}

/* From the first resource that is wanted, at or after `from`. */
static void begin_snapshot(struct page *p, size_t from)
{
    while (from < resource_count && !p->aggregates[from]) from++;
    p->snapshot = from;
    p->after = from < resource_count ? "00000000-0000-0000-0000-000000000000" : "0";
}

static bool read_cursor(struct arena *a, struct page *p, struct str text)
{
    int64_t n;
    struct str kind = str_cut(&text, '.');
    bool is_snapshot = str_is(kind, "snapshot");
    p->snapshot = is_snapshot ? resource_named(str_cut(&text, '.')) : resource_count;
    struct str first = str_cut(&text, '.'), second = str_cut(&text, '.');
    struct str id = is_snapshot ? first : second, turn = is_snapshot ? second : first;
    p->after = arena_cstr(a, id);
    p->turn = arena_cstr(a, turn);
    bool is_whole = str_is_none(text) && str_to_i64(turn, 0, INT64_MAX, &n);
    if (is_snapshot) return is_whole && p->snapshot < resource_count && uuid_valid(id);
    return is_whole && str_is(kind, "events") && str_to_i64(id, 0, INT64_MAX, &n);
}

static bool read_param(struct req *r, struct page *p, const struct query_param *q)
{
    if (str_is(q->name, "after")) return !q->value.len || read_cursor(&r->arena, p, q->value);
    if (str_is(q->name, "limit")) return str_to_i64(q->value, 1, LIMIT_MOST, &p->limit);
    if (str_is(q->name, "wait")) return str_to_i64(q->value, 0, WAIT_MOST_S, &p->wait_s);
    return str_is(q->name, "aggregate") && read_aggregates(p, q->value);
}

static enum step page_read(struct req *r)
{
    struct page *p = r->state;
    struct query_param params[LIMIT_QUERY_PARAMS];
    size_t count = 0;
    if (!query_split(&r->arena, r->query, params, &count, &r->problem)) return STEP_FAIL;
    for (size_t i = 0; i < count; i++)
        if (!read_param(r, p, &params[i]))
            problem_add(&r->problem, &r->arena, E_INVALID_FIELD, params[i].name, STR("is not known here, or not a value for this"));
    if (!p->after) begin_snapshot(p, 0);
    p->until_us = clock_us() + (uint64_t)p->wait_s * 1000000;
    return r->problem.code == E_OK ? STEP_NEXT : STEP_FAIL;
}

/* --- the page ------------------------------------------------------------------------------------------------------------- */

static const char *aggregates_text(struct arena *a, const struct page *p)
{
    struct str list = STR("{");
    for (size_t i = 0; i < resource_count; i++)
        if (p->aggregates[i]) list = arena_printf(a, "%.*s%s%s", STR_ARG(list), list.len > 1 ? "," : "", resources[i]->name.p);
    return arena_printf(a, "%.*s}", STR_ARG(list)).p;
}

/* Whose secrets the reader may see. */
static const char *clear_text(struct req *r)
{
    struct str list = STR("{");
    for (size_t i = 0; i < resource_count; i++)
        if (sight_of_secrets(r, resources[i]))
            list = arena_printf(&r->arena, "%.*s%s%s", STR_ARG(list), list.len > 1 ? "," : "", resources[i]->name.p);
    return arena_printf(&r->arena, "%.*s}", STR_ARG(list)).p;
}

static enum step page_query(struct req *r)
{
    struct page *p = r->state;
    bool is_snapshot = p->snapshot < resource_count;
    const char *limit = arena_printf(&r->arena, "%d", (int)p->limit).p;
    p->looked_us = r->worker->events->looked_us = clock_us();
    p->segment = segment_new(r, PG_SLOW, true);
    pg_add(p->segment, &statement_of_plan, NULL, 0);
    if (is_snapshot) {
        memcpy(p->values, (const char *[]){ p->after, limit, clear_text(r) }, 3 * sizeof *p->values);
        pg_add(p->segment, &statements_of_snapshots[p->snapshot], p->values, event_data_has_secrets(resources[p->snapshot]) ? 3 : 2);
    } else {
        memcpy(p->values, (const char *[]){ p->turn, p->after, aggregates_text(&r->arena, p), limit, clear_text(r) }, sizeof p->values);
        pg_add(p->segment, &statement_of_events, p->values, some_have_secrets ? 5 : 4);
    }
    pg_submit(r->worker->pg, p->segment);
    return STEP_WAIT;
}

static struct str column(const struct page *p, int which)
{
    return pg_value(p->segment, CALL_PAGE, 0, which);
}

static struct str next_cursor(struct arena *a, struct page *p)
{
    int64_t count = 0;
    str_to_i64(column(p, PAGE_COUNT), 0, INT32_MAX, &count);
    struct str last = column(p, PAGE_LAST), xmin = column(p, PAGE_XMIN);
    bool is_full = count == p->limit;
    if (p->snapshot == resource_count)
        return is_full ? arena_printf(a, "events.%.*s", STR_ARG(last)) : arena_printf(a, "events.%.*s.0", STR_ARG(xmin));
    const char *floor = p->turn ? p->turn : arena_cstr(a, xmin); /* what happens from its first page on is told after the snapshot */
    if (is_full) return arena_printf(a, "snapshot.%s.%.*s.%s", resources[p->snapshot]->name.p, STR_ARG(last), floor);
    begin_snapshot(p, p->snapshot + 1);
    if (p->snapshot == resource_count) return arena_printf(a, "events.%s.0", floor);
    return arena_printf(a, "snapshot.%s.%s.%s", resources[p->snapshot]->name.p, p->after, floor);
}

static const step_fn look_steps[];
static bool put_off(struct req *r, struct page *p);

static enum step page_reply(struct req *r)
{
    struct page *p = r->state;
    if (p->snapshot == resource_count && str_is(column(p, PAGE_EXPIRED), "t")) {
        p->turn = NULL;
        begin_snapshot(p, 0);
        flow_start(r, look_steps);
        return STEP_WAIT;
    }
    if (p->snapshot == resource_count && str_is(column(p, PAGE_COUNT), "0") && put_off(r, p)) return STEP_WAIT;
    struct str events = column(p, PAGE_EVENTS), next = next_cursor(&r->arena, p);
    struct jw out = reply_begin(r);
    jw_object(&out);
    jw_name(&out, STR("events"));
    jw_raw(&out, events);
    jw_name(&out, STR("next"));
    jw_str(&out, next);
    jw_object_end(&out);
    reply_end(r, &out);
    return STEP_WAIT;
}

static const step_fn look_steps[] = { page_query, page_reply, NULL };
static const step_fn steps[] = { page_read, page_query, page_reply, NULL };

void rest_events(struct req *r)
{
    struct page *p = arena_new(&r->arena, struct page);
    *p = (struct page){ .limit = LIMIT_USUAL };
    for (size_t i = 0; i < resource_count; i++) p->aggregates[i] = true;
    r->state = p;
    flow_start(r, steps);
}

/* --- waiting ------------------------------------------------------------------------------------------------------------------ */

static void look(struct page *p)
{
    struct req *r = p->req;
    LIST_REMOVE(p, link);
    event_free(p->timer);
    flow_start(r, look_steps);
    req_release(r);
}

static void on_timer(evutil_socket_t fd, short what, void *page)
{
    (void)fd, (void)what;
    look(page);
}

/* In how many microseconds those who wait may be woken again. One look finds all that was written meanwhile, so at any rate of writes
 * there are no more of them than 1000 / APART_MS a second; the first event after a pause is told at once. */
static uint64_t rest_us(const struct events *e)
{
    uint64_t now = clock_us(), next = e->looked_us + APART_MS * 1000;
    return next > now ? next - now : 0;
}

static void look_in(struct page *p, uint64_t us)
{
    struct timeval wait = { (time_t)(us / 1000000), (suseconds_t)(us % 1000000) };
    event_add(p->timer, &wait);
}

/* In how many microseconds somebody who has just looked is to do so again when nobody wakes him. What is written within TOLD_MS of news may
 * go untold (rest_feed_2.sql). */
static uint64_t next_look_us(const struct events *e, const struct page *p)
{
    uint64_t again = e->noted_us + TOLD_MS * 1000;
    if (e->noted_us >= p->looked_us) return rest_us(e);
    return again > p->looked_us ? again - p->looked_us : LOOK_MS * 1000;
}

/* false: it is time to say that there is nothing. */
static bool put_off(struct req *r, struct page *p)
{
    struct events *e = r->worker->events;
    if (e->is_ending || !r->conn || clock_us() >= p->until_us) return false;
    req_hold(r);
    p->req = r;
    p->timer = event_new(r->worker->base, -1, 0, on_timer, p);
    if (!p->timer) abort();
    look_in(p, next_look_us(e, p));
    LIST_INSERT_HEAD(&e->waiting, p, link);
    return true;
}

struct events *events_new(struct worker *w)
{
    struct events *e = calloc(1, sizeof *e);
    if (!e) abort();
    e->worker = w;
    LIST_INIT(&e->waiting);
    return e;
}

static void look_all(struct events *e)
{
    for (struct page *p = LIST_FIRST(&e->waiting), *next; p; p = next) {
        next = LIST_NEXT(p, link);
        look(p);
    }
}

void events_wake(struct events *e)
{
    struct page *p;
    uint64_t us = rest_us(e);
    e->noted_us = clock_us();
    if (!us) return look_all(e);
    LIST_FOREACH(p, &e->waiting, link) look_in(p, us);
}

void events_end(struct events *e)
{
    e->is_ending = true;
    look_all(e);
}

void events_free(struct events *e)
{
    while (!LIST_EMPTY(&e->waiting)) {
        struct page *p = LIST_FIRST(&e->waiting);
        LIST_REMOVE(p, link);
        event_free(p->timer);
        reply_fail(p->req, E_SERVICE_DOWN);
        req_release(p->req);
    }
    free(e);
}
