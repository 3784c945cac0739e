/* Refresh: the refresh token is exchanged for a new one and an access token that says what holds now.
 *
 * Each works once. Shown again, it ends its session, since two have it; there is no time of grace. A client that repeats a request
 * whose answer was lost is told from a thief by its Idempotency-Key: the new token is then made of the old one and the key, so that
 * the same request leads to the same token, and the repetition is answered as long as nobody has used that. */
#include "auth.h"
#include "grant.h"

#include "app/service.h"
#include "auth-service_routes.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/input.h"
#include "rest/segment.h"
#include "schemas.h"
#include "schema/validate.h"

const struct pg_stmt stmt_refresh = { "refresh", "SELECT session_refresh($1::bytea, $2::bytea, $3::integer, $4::boolean)" };

struct refresh {
    struct pg_segment *segment;
    struct grant grant;
    const char *values[4];
};

static enum step refresh_exchange(struct req *r)
{
    struct refresh *f = r->state = arena_new(&r->arena, struct refresh);
    const struct auth_settings *settings = service_settings(r->worker);
    struct values values;
    struct input in;
    input_read(r, INPUT_BODY | INPUT_KEY, &in);
    if (in.body) validate_body(&r->arena, &refresh_resource, in.body, WRITE_CREATE, &values, &r->problem);
    if (r->problem.code != E_OK) return STEP_FAIL;
    struct str old = str_of(values.text[REFRESH_refresh_token]);
    if (in.key.len) grant_derive(&r->arena, &f->grant, old, in.key);
    else grant_new(&r->arena, &f->grant);
    f->values[0] = grant_hash(&r->arena, old);
    f->values[1] = f->grant.hash;
    f->values[2] = arena_printf(&r->arena, "%d", settings->refresh_ttl_s).p;
    f->values[3] = in.key.len ? "true" : "false";
    f->segment = segment_new(r, PG_FAST, false);
    pg_add(f->segment, &stmt_refresh, f->values, 4);
    grant_add(&f->grant, f->segment);
    pg_submit(r->worker->pg, f->segment);
    return STEP_WAIT;
}

static enum step refresh_reply(struct req *r)
{
    struct refresh *f = r->state;
    if (!grant_is_given(&f->grant, f->segment)) return problem_set(&r->problem, E_UNAUTHENTICATED), STEP_FAIL;
    struct jw w = reply_begin(r);
    if (!grant_write(r, &f->grant, f->segment, &w)) return STEP_FAIL;
    req_reply_header(r, STR("Cache-Control"), STR("no-store"));
    reply_end(r, &w);
    return STEP_WAIT;
}

static const step_fn refresh_steps[] = { refresh_exchange, refresh_reply, NULL };

void auth_refresh(struct req *r)
{
    flow_start(r, refresh_steps);
}
