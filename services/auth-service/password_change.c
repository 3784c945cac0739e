/* One's own password: the old one proves who asks. All sessions end, a new one begins where it was changed. */
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

enum { USER_HASH, USER_DEVICE };

const struct pg_stmt stmt_password_of = {
    "password_of", "SELECT password_hash, (SELECT device_name FROM sessions s WHERE s.session_id = $2::uuid AND s.user_id = u.user_id) "
                   "FROM users u WHERE user_id = $1::uuid"
};
const struct pg_stmt stmt_password_set = { "password_set", "SELECT password_change($1::uuid, $2, $3)" };

struct change {
    struct values values;
    struct pg_segment *asked, *made;
    const char *of[2], *charged, *set[3]; /* user and session; user, hash before and after */
    struct password_job job;
    struct grant grant;
};

static struct str user(const struct change *c, int column)
{
    return pg_rows(c->asked, CALL_USER) ? pg_value(c->asked, CALL_USER, 0, column) : STR_NONE;
}

static enum step change_ask(struct req *r)
{
    struct change *c = r->state = arena_new(&r->arena, struct change);
    struct input in;
    input_read(r, INPUT_BODY, &in);
    if (in.body) validate_body(&r->arena, &password_change_resource, in.body, WRITE_CREATE, &c->values, &r->problem);
    if (r->problem.code != E_OK) return STEP_FAIL;
    c->of[0] = arena_cstr(&r->arena, r->who->user_id);
    c->of[1] = grant_session_of(r);
    c->asked = segment_new(r, PG_FAST, false);
    throttle_add(r, c->asked, r->who->username);
    pg_add(c->asked, &stmt_password_of, c->of, 2);
    pg_submit(r->worker->pg, c->asked);
    return STEP_WAIT;
}

static enum step change_verify(struct req *r)
{
    struct change *c = r->state;
    if (!throttle_admits(r, c->asked, CALL_ATTEMPT, &c->charged)) return STEP_FAIL;
    c->job = (struct password_job){
        .given = str_of(c->values.text[PASSWORD_CHANGE_old_password]),
        .stored = user(c, USER_HASH),
        .next = str_of(c->values.text[PASSWORD_CHANGE_new_password]),
    };
    return password_job_start(r, &c->job) ? STEP_WAIT : STEP_NEXT;
}

static void refuse_wrong(struct req *r)
{
    problem_add(&r->problem, &r->arena, E_RULE_VIOLATED, STR("old_password"), STR("is not the password"));
}

/* As in login.c: what was too much to look at was no failure. */
static enum step change_make(struct req *r)
{
    struct change *c = r->state;
    if (!c->job.ok && r->problem.code == E_OK) return refuse_wrong(r), STEP_FAIL;
    c->made = segment_new(r, PG_FAST, false);
    throttle_forgive(r, c->made, c->charged, c->job.ok);
    if (c->job.ok && str_eq(c->job.given, c->job.next))
        problem_add(&r->problem, &r->arena, E_RULE_VIOLATED, STR("new_password"), STR("is the old one"));
    if (r->problem.code == E_OK) {
        c->set[0] = c->of[0];
        c->set[1] = arena_cstr(&r->arena, c->job.stored);
        c->set[2] = c->job.next_hash;
        pg_add(c->made, &stmt_password_set, c->set, 3);
        grant_new(&r->arena, &c->grant);
        grant_begin_session(r, c->made, &c->grant, c->of[0], c->job.next_hash,
                            str_is_none(user(c, USER_DEVICE)) ? NULL : arena_cstr(&r->arena, user(c, USER_DEVICE)));
        grant_add(&c->grant, c->made);
    }
    pg_submit(r->worker->pg, c->made);
    return STEP_WAIT;
}

static enum step change_reply(struct req *r)
{
    struct change *c = r->state;
    if (r->problem.code != E_OK) return STEP_FAIL;
    if (!grant_is_given(&c->grant, c->made)) return refuse_wrong(r), STEP_FAIL; /* somebody else has changed it meanwhile */
    struct jw w = reply_begin(r);
    if (!grant_write(r, &c->grant, c->made, &w)) return STEP_FAIL;
    req_reply_header(r, STR("Cache-Control"), STR("no-store"));
    reply_end(r, &w);
    return STEP_WAIT;
}

static const step_fn change_steps[] = { change_ask, change_verify, change_make, change_reply, NULL };

void auth_password(struct req *r)
{
    flow_start(r, change_steps);
}
