/* Login and validate (requirement document, section 5.1), unwrapped as documented there. */
#include "auth.h"
#include "grant.h"
#include "password_job.h"
#include "throttle.h"

#include "auth/principal.h"
#include "auth-service_routes.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/input.h"
#include "rest/segment.h"
#include "schemas.h"
#include "schema/validate.h"

enum { CALL_ATTEMPT, CALL_USER };
enum { USER_ID, USER_HASH, USER_ENABLED };

const struct pg_stmt stmt_user_by_name = {
    "user_by_name", "SELECT user_id, password_hash, enabled FROM identities WHERE lower(username) = lower($1)"
};

struct login {
    struct values values;
    struct pg_segment *asked, *begun;
    const char *charged;
    struct password_job job;
    bool may_enter;
    struct grant grant;
};

static struct str user(const struct login *l, int column)
{
    return pg_rows(l->asked, CALL_USER) ? pg_value(l->asked, CALL_USER, 0, column) : STR_NONE;
}

static enum step login_ask(struct req *r)
{
    struct login *l = arena_new(&r->arena, struct login);
    struct input in;
    r->state = l;
    input_read(r, INPUT_BODY, &in);
    if (in.body) validate_body(&r->arena, &login_resource, in.body, WRITE_CREATE, &l->values, &r->problem);
    if (r->problem.code != E_OK) return STEP_FAIL;
    l->asked = segment_new(r, PG_FAST, false);
    throttle_add(r, l->asked, str_of(l->values.text[LOGIN_username]));
    pg_add(l->asked, &stmt_user_by_name, &l->values.text[LOGIN_username], 1);
    pg_submit(r->worker->pg, l->asked);
    return STEP_WAIT;
}

static enum step login_verify(struct req *r)
{
    struct login *l = r->state;
    if (!throttle_admits(r, l->asked, CALL_ATTEMPT, &l->charged)) return STEP_FAIL;
    l->job = (struct password_job){ .given = str_of(l->values.text[LOGIN_password]), .stored = user(l, USER_HASH) };
    return password_job_start(r, &l->job) ? STEP_WAIT : STEP_NEXT;
}

/* What was too much to look at was no failure; what was wrong has been counted already. */
static enum step login_begin(struct req *r)
{
    struct login *l = r->state;
    l->may_enter = l->job.ok && str_is(user(l, USER_ENABLED), "t");
    if (!l->may_enter && r->problem.code == E_OK) return problem_set(&r->problem, E_BAD_CREDENTIALS), STEP_FAIL;
    l->begun = segment_new(r, PG_FAST, false);
    throttle_forgive(r, l->begun, l->charged, l->may_enter);
    if (l->may_enter) {
        grant_new(&r->arena, &l->grant);
        grant_begin_session(r, l->begun, &l->grant, arena_cstr(&r->arena, user(l, USER_ID)),
                            arena_cstr(&r->arena, user(l, USER_HASH)), l->values.text[LOGIN_device_name]);
        grant_add(&l->grant, l->begun);
    }
    pg_submit(r->worker->pg, l->begun);
    return STEP_WAIT;
}

static enum step login_reply(struct req *r)
{
    struct login *l = r->state;
    struct jw w = jw_to(&r->out);
    if (r->problem.code != E_OK) return STEP_FAIL;
    if (!grant_is_given(&l->grant, l->begun)) return problem_set(&r->problem, E_BAD_CREDENTIALS), STEP_FAIL;
    buf_clear(&r->out);
    if (!grant_write(r, &l->grant, l->begun, &w)) return STEP_FAIL;
    req_reply_header(r, STR("Cache-Control"), STR("no-store"));
    reply_raw(r, 200, STR("application/json; charset=utf-8"), buf_str(&r->out));
    return STEP_WAIT;
}

static const step_fn login_steps[] = { login_ask, login_verify, login_begin, login_reply, NULL };

void auth_login(struct req *r)
{
    flow_start(r, login_steps);
}

void auth_validate(struct req *r)
{
    struct jw w = jw_to(&r->out);
    buf_clear(&r->out);
    jw_object(&w);
    jw_key(&w, STR("valid"));
    jw_bool(&w, true);
    jw_key(&w, STR("permissions"));
    jw_raw(&w, r->who->permissions);
    jw_object_end(&w);
    reply_raw(r, 200, STR("application/json; charset=utf-8"), buf_str(&r->out));
}
