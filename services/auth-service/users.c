/* Passwords of users as an administrator sets them: the generic writes of common/rest, with the hash made between check and write. */
#include "auth-service_routes.h"
#include "password.h"

#include "auth/principal.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "io/work.h"
#include "rest/rest.h"
#include "schemas.h"

struct hashing {
    struct req *req;
    const char *password;
    struct arena arena; /* the thread's: the request's is the loop's */
    struct str hash;
};

static void give(struct values *v, int field, const char *text)
{
    v->text[field] = text;
    v->given |= UINT64_C(1) << field;
}

static bool is_given(const struct values *v, int field)
{
    return v->given >> field & 1;
}

static void hash_run(void *arg)
{
    struct hashing *h = arg;
    h->hash = password_hash(&h->arena, str_of(h->password));
}

static void hash_done(void *arg)
{
    struct hashing *h = arg;
    struct req *r = h->req;
    if (str_is_none(h->hash)) {
        reply_fail(r, E_INTERNAL);
    } else {
        give(rest_values(r), USER_password, arena_cstr(&r->arena, h->hash));
        flow_run(r);
    }
    req_release(r);
}

static void hashing_end(void *arena)
{
    arena_done(arena);
}

static enum step hash_password(struct req *r)
{
    if (work_waiting(r->worker->work) >= HASHES_WAITING_MAX) {
        r->problem.retry_after_s = 1;
        problem_set(&r->problem, E_OVERLOADED);
        return STEP_FAIL;
    }
    struct hashing *h = arena_new(&r->arena, struct hashing);
    *h = (struct hashing){ .req = r, .password = rest_values(r)->text[USER_password] };
    arena_init(&h->arena);
    arena_defer(&r->arena, hashing_end, &h->arena);
    req_hold(r);
    work_submit(r->worker->work, hash_run, hash_done, h);
    return STEP_WAIT;
}

/* A password that somebody else has chosen is to be changed, unless the request says that it is not. */
static enum step set_password(struct req *r)
{
    struct values *v = rest_values(r);
    if (!v->text[USER_password]) return STEP_NEXT;
    bool own = r->params[0].len && str_ieq(r->params[0], r->who->user_id);
    if (!own && !is_given(v, USER_must_change_password)) give(v, USER_must_change_password, "true");
    return hash_password(r);
}

/* PUT .../password: the password, and nothing else. */
static enum step set_password_only(struct req *r)
{
    const struct values *v = rest_values(r);
    for (int i = 0; i < USER_COUNT; i++)
        if (is_given(v, i) && i != USER_password)
            problem_add(&r->problem, &r->arena, E_INVALID_FIELD, user_resource.fields[i].name, STR("is not a known field"));
    if (!is_given(v, USER_password)) problem_add(&r->problem, &r->arena, E_INVALID_FIELD, STR("password"), STR("is required"));
    return r->problem.code == E_OK ? set_password(r) : STEP_FAIL;
}

void user_create(struct req *r)
{
    rest_create_with(r, set_password);
}

void user_update(struct req *r)
{
    rest_update_with(r, set_password);
}

void user_password(struct req *r)
{
    rest_update_with(r, set_password_only);
}
