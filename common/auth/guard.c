#include "auth/guard.h"

#include "auth/revocations.h"
#include "auth/token.h"
#include "auth/validator.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/reply.h"
#include "http/worker.h"
#include "permissions.h"

bool guard_is_ready(const struct worker *w)
{
    return tokens_have_keys(w->tokens) && (!w->revocations || revocations_known(w->revocations));
}

static struct str bearer(const struct req *r)
{
    struct str value = req_header(r, STR("Authorization"));
    if (value.len < 7 || !str_ieq(str_sub(value, 0, 7), STR("Bearer "))) return STR_NONE;
    return str_trim(str_sub(value, 7, value.len));
}

/* The cache of verified tokens knows nothing of revocations: each request asks anew. */
static const struct principal *identify(struct req *r, const char **reason)
{
    const struct worker *w = r->worker;
    struct str token = bearer(r);
    *reason = "no bearer token";
    const struct principal *who = token.len ? tokens_verify(w->tokens, &r->arena, token, clock_unix_ms() / 1000, reason) : NULL;
    if (!who || !w->revocations || !revocations_concern(w->revocations, who)) return who;
    *reason = "revoked";
    return NULL;
}

static void refuse(struct req *r, const char *reason)
{
    log_info("token refused", LOG_Z("request_id", r->request_id), LOG_Z("reason", reason));
    r->who = NULL;
    reply_fail(r, E_UNAUTHENTICATED);
}

static void unknown(struct req *r)
{
    r->problem.retry_after_s = 1;
    reply_fail(r, E_SERVICE_DOWN);
}

static void authorize(struct req *r, handler_fn next)
{
    unsigned permission = r->route->permission;
    if (permission == PERM_AUTHENTICATED || principal_may(r->who, permission)) return next(r);
    problem_add(&r->problem, &r->arena, E_FORBIDDEN, STR("permission"), STR("is missing"))->allowed = permission_names[permission];
    reply_error(r);
}

struct decision { /* put off */
    handler_fn next;
};

/* A client that has gone has taken the rest of its body with it: what is here is not what it asked for. */
static void on_verdict(struct req *r, void *arg, enum verdict verdict)
{
    const struct decision *d = arg;
    if (!r->conn) reply_fail(r, E_BAD_REQUEST);
    else if (verdict == VERDICT_VALID) authorize(r, d->next);
    else if (verdict == VERDICT_INVALID) refuse(r, "not valid, says who has issued it");
    else unknown(r);
}

void guard_admit(struct req *r, handler_fn next)
{
    const char *reason;
    if (r->route->permission == PERM_PUBLIC) return next(r);
    if (!guard_is_ready(r->worker)) return unknown(r);
    r->who = identify(r, &reason);
    if (!r->who) return refuse(r, reason);
    if (!r->worker->validator) return authorize(r, next);
    struct decision *d = arena_new(&r->arena, struct decision);
    d->next = next;
    validator_ask(r->worker->validator, r, bearer(r), r->who, on_verdict, d);
}
