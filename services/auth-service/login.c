/* Login and validate (requirement document, section 5.1), unwrapped as documented there. */
#include "auth.h"
#include "password.h"

#include "app/service.h"
#include "auth/principal.h"
#include "auth/token.h"
#include "auth-service_routes.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "io/work.h"
#include "rest/input.h"
#include "rest/segment.h"
#include "schemas.h"
#include "schema/validate.h"

enum { USER_ID, USER_USERNAME, USER_NAME, USER_HASH, USER_ENABLED, USER_ROLES, USER_PERMISSIONS, USER_SCOPE, USER_DEPARTMENT,
       USER_GENERATION };

const struct pg_stmt stmt_user_by_name = {
    "user_by_name",
    "SELECT user_id, username, name, password_hash, enabled, roles, permissions, data_scope, department, generation FROM identities "
    "WHERE lower(username) = lower($1)"
};

struct login {
    struct values values;
    struct pg_segment *segment;
    struct req *req;
    bool password_ok;
};

static struct str user(const struct login *l, int column)
{
    return pg_rows(l->segment, 0) ? pg_value(l->segment, 0, 0, column) : STR_NONE;
}

static enum step login_query(struct req *r)
{
    struct login *l = arena_new(&r->arena, struct login);
    struct input in;
    r->state = l;
    l->req = r;
    input_read(r, INPUT_BODY, &in);
    if (in.body) validate_body(&r->arena, &login_resource, in.body, WRITE_CREATE, &l->values, &r->problem);
    if (r->problem.code != E_OK) return STEP_FAIL;
    l->segment = segment_new(r, PG_FAST, true);
    pg_add(l->segment, &stmt_user_by_name, &l->values.text[LOGIN_username], 1);
    pg_add(l->segment, &stmt_key_signing, NULL, 0);
    pg_submit(r->worker->pg, l->segment);
    return STEP_WAIT;
}

static void hash_run(void *arg)
{
    struct login *l = arg;
    l->password_ok = password_verify(str_of(l->values.text[LOGIN_password]), user(l, USER_HASH));
}

static void hash_done(void *arg)
{
    struct login *l = arg;
    struct req *r = l->req;
    flow_run(r);
    req_release(r);
}

static enum step login_hash(struct req *r)
{
    if (work_waiting(r->worker->work) >= HASHES_WAITING_MAX) {
        r->problem.retry_after_s = 1;
        problem_set(&r->problem, E_OVERLOADED);
        return STEP_FAIL;
    }
    req_hold(r);
    work_submit(r->worker->work, hash_run, hash_done, r->state);
    return STEP_WAIT;
}

static int token_ttl_s(const struct req *r)
{
    const struct auth_settings *settings = service_settings(r->worker);
    return settings->token_ttl_s;
}

static struct str sign(struct req *r, const struct login *l)
{
    char session[UUID_LEN + 1];
    int64_t now = clock_unix_ms() / 1000;
    uuid_v7(session);
    struct token_claims claims = {
        .user_id = user(l, USER_ID),
        .username = user(l, USER_USERNAME),
        .name = user(l, USER_NAME),
        .session_id = str_of(session),
        .roles = user(l, USER_ROLES),
        .permissions = user(l, USER_PERMISSIONS),
        .scope = user(l, USER_SCOPE),
        .department = user(l, USER_DEPARTMENT),
        .generation = user(l, USER_GENERATION),
        .issued_s = now,
        .expires_s = now + token_ttl_s(r),
    };
    if (!pg_rows(l->segment, 1)) return STR_NONE;
    const char *kid = arena_cstr(&r->arena, pg_value(l->segment, 1, 0, 0)),
               *pem = arena_cstr(&r->arena, pg_value(l->segment, 1, 0, 1));
    return token_sign(&r->arena, pem, kid, &claims);
}

static void write_user(struct jw *w, const struct login *l)
{
    static const struct { struct str key; int column; } texts[] = {
        { STR("user_id"), USER_ID }, { STR("username"), USER_USERNAME }, { STR("name"), USER_NAME }
    };
    jw_object(w);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        jw_key(w, texts[i].key);
        jw_str(w, user(l, texts[i].column));
    }
    jw_key(w, STR("roles"));
    jw_raw(w, user(l, USER_ROLES));
    jw_object_end(w);
}

static enum step login_reply(struct req *r)
{
    struct login *l = r->state;
    if (!l->password_ok || !str_is(user(l, USER_ENABLED), "t")) return problem_set(&r->problem, E_BAD_CREDENTIALS), STEP_FAIL;
    struct str token = sign(r, l);
    if (!token.len) {
        r->problem.retry_after_s = 1; /* no signing key yet */
        return problem_set(&r->problem, E_SERVICE_DOWN), STEP_FAIL;
    }
    struct jw w = jw_to(&r->out);
    buf_clear(&r->out);
    jw_object(&w);
    jw_key(&w, STR("access_token"));
    jw_str(&w, token);
    jw_key(&w, STR("token_type"));
    jw_str(&w, STR("bearer"));
    jw_key(&w, STR("expires_in"));
    jw_int(&w, token_ttl_s(r));
    jw_key(&w, STR("user_info"));
    write_user(&w, l);
    jw_object_end(&w);
    req_reply_header(r, STR("Cache-Control"), STR("no-store"));
    reply_raw(r, 200, STR("application/json; charset=utf-8"), buf_str(&r->out));
    return STEP_WAIT;
}

static const step_fn login_steps[] = { login_query, login_hash, login_reply, NULL };

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
