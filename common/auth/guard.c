#include "auth/guard.h"

#include "auth/revocations.h"
#include "auth/token.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/worker.h"
#include "permissions.h"

static struct str bearer(const struct req *r)
{
    struct str value = req_header(r, STR("Authorization"));
    if (value.len < 7 || !str_ieq(str_sub(value, 0, 7), STR("Bearer "))) return STR_NONE;
    return str_trim(str_sub(value, 7, value.len));
}

bool guard_is_ready(const struct worker *w)
{
    return tokens_have_keys(w->tokens) && (!w->revocations || revocations_known(w->revocations));
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

bool guard_admit(struct req *r)
{
    unsigned permission = r->route->permission;
    if (permission == PERM_PUBLIC) return true;
    if (!guard_is_ready(r->worker)) {
        problem_set(&r->problem, E_SERVICE_DOWN);
        r->problem.retry_after_s = 1;
        return false;
    }
    const char *reason;
    r->who = identify(r, &reason);
    if (!r->who) {
        log_info("token refused", LOG_Z("request_id", r->request_id), LOG_Z("reason", reason));
        problem_set(&r->problem, E_UNAUTHENTICATED);
        return false;
    }
    if (permission == PERM_AUTHENTICATED || principal_may(r->who, permission)) return true;
    problem_add(&r->problem, &r->arena, E_FORBIDDEN, STR("permission"), STR("is missing"))->allowed =
        permission_names[permission];
    return false;
}
