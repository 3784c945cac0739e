/* Sessions: who looks at them and who ends them. The rows of a user, minus or none but one: the same two statements for all. */
#include "auth.h"
#include "grant.h"

#include "auth/principal.h"
#include "auth-service_routes.h"
#include "base/uuid.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/input.h"
#include "rest/segment.h"

#define TIME_TEXT(column) "to_char(" column ", 'YYYY-MM-DD HH24:MI:SS') AS " column

const struct pg_stmt stmt_sessions = {
    "sessions", "SELECT coalesce('[' || string_agg(row_to_json(s)::text, ',') || ']', '[]'), "
                "EXISTS (SELECT FROM users WHERE user_id = $1::uuid) "
                "FROM (SELECT session_id, device_name, address, user_agent, " TIME_TEXT("created_time") ", " TIME_TEXT("last_used_time")
                ", " TIME_TEXT("expires_time") ", coalesce(session_id = $2::uuid, false) AS current "
                "FROM live_sessions WHERE user_id = $1::uuid ORDER BY live_sessions.created_time DESC, session_id DESC) s"
};
const struct pg_stmt stmt_sessions_end = {
    "sessions_end", "SELECT sessions_end(array(SELECT session_id FROM live_sessions WHERE user_id = $1::uuid "
                    "AND ($2::uuid IS NULL OR session_id = $2::uuid) AND session_id IS DISTINCT FROM $3::uuid), $4), "
                    "EXISTS (SELECT FROM users WHERE user_id = $1::uuid)"
};

struct sessions {
    struct pg_segment *segment;
    const char *values[4]; /* user, session, exception, why: of either statement as many as it takes */
    bool must_end_one;     /* 404 when there is none */
};

static const char *param(struct req *r, int index, const char *name)
{
    if (!uuid_valid(r->params[index])) problem_add(&r->problem, &r->arena, E_INVALID_FIELD, str_of(name), STR("must be a UUID"));
    return arena_cstr(&r->arena, r->params[index]);
}

static enum step submit(struct req *r, const struct pg_stmt *stmt, int count, bool reads)
{
    struct sessions *s = r->state;
    struct input in;
    input_read(r, reads ? 0 : INPUT_EMPTY, &in);
    if (r->problem.code != E_OK) return STEP_FAIL;
    s->segment = segment_new(r, PG_FAST, reads);
    pg_add(s->segment, stmt, s->values, count);
    pg_submit(r->worker->pg, s->segment);
    return STEP_WAIT;
}

static bool user_exists(const struct sessions *s)
{
    return str_is(pg_value(s->segment, 0, 0, 1), "t");
}

/* --- the list ------------------------------------------------------------------------------------------------------------- */

static enum step list_query(struct req *r)
{
    return submit(r, &stmt_sessions, 2, true);
}

static enum step list_reply(struct req *r)
{
    struct sessions *s = r->state;
    if (!user_exists(s)) return problem_set(&r->problem, E_NOT_FOUND), STEP_FAIL;
    struct jw w = reply_begin(r);
    jw_raw(&w, pg_value(s->segment, 0, 0, 0));
    reply_end(r, &w);
    return STEP_WAIT;
}

static void list(struct req *r, const char *user_id)
{
    static const step_fn steps[] = { list_query, list_reply, NULL };
    struct sessions *s = r->state = arena_new(&r->arena, struct sessions);
    s->values[0] = user_id;
    s->values[1] = grant_session_of(r);
    flow_start(r, steps);
}

void auth_sessions(struct req *r)
{
    list(r, arena_cstr(&r->arena, r->who->user_id));
}

void user_sessions(struct req *r)
{
    list(r, param(r, 0, "user_id"));
}

/* --- the end -------------------------------------------------------------------------------------------------------------- */

static enum step end_query(struct req *r)
{
    return submit(r, &stmt_sessions_end, 4, false);
}

static enum step end_reply(struct req *r)
{
    struct sessions *s = r->state;
    struct str ended = pg_value(s->segment, 0, 0, 0);
    if (!user_exists(s) || (s->must_end_one && str_is(ended, "0"))) return problem_set(&r->problem, E_NOT_FOUND), STEP_FAIL;
    struct jw w = reply_begin(r);
    jw_object(&w);
    jw_key(&w, STR("ended"));
    jw_raw(&w, ended);
    jw_object_end(&w);
    reply_end(r, &w);
    return STEP_WAIT;
}

static void end(struct req *r, struct sessions what)
{
    static const step_fn steps[] = { end_query, end_reply, NULL };
    struct sessions *s = r->state = arena_new(&r->arena, struct sessions);
    *s = what;
    flow_start(r, steps);
}

/* A token of no session has nothing to end: UUID_NONE is nobody's. */
#define UUID_NONE "00000000-0000-0000-0000-000000000000"

void auth_logout(struct req *r)
{
    const char *own = grant_session_of(r), *user_id = arena_cstr(&r->arena, r->who->user_id);
    end(r, (struct sessions){ .values = { user_id, own ? own : UUID_NONE, NULL, "logout" } });
}

void auth_session_end(struct req *r)
{
    const char *user_id = arena_cstr(&r->arena, r->who->user_id), *one = param(r, 0, "session_id");
    end(r, (struct sessions){ .values = { user_id, one, NULL, "user" }, .must_end_one = true });
}

void auth_sessions_end(struct req *r)
{
    end(r, (struct sessions){ .values = { arena_cstr(&r->arena, r->who->user_id), NULL, grant_session_of(r), "user" } });
}

void user_session_end(struct req *r)
{
    const char *user_id = param(r, 0, "user_id"), *one = param(r, 1, "session_id");
    end(r, (struct sessions){ .values = { user_id, one, NULL, "administrator" }, .must_end_one = true });
}

void user_sessions_end(struct req *r)
{
    end(r, (struct sessions){ .values = { param(r, 0, "user_id"), NULL, NULL, "administrator" } });
}
