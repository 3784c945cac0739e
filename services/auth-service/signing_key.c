/* Signing keys: made when the first is needed, published as JWKS (RFC 7517). */
#include "auth.h"

#include "auth/jwk.h"
#include "auth-service_routes.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/segment.h"

const struct pg_stmt stmt_key_signing = { "key_signing", "SELECT kid, private_pem FROM signing_key" };
const struct pg_stmt stmt_key_add = { "key_add", "SELECT signing_key_ensure($1, $2, $3)" };
const struct pg_stmt stmt_key_public = {
    "key_public", "SELECT coalesce('{\"keys\":[' || string_agg(public_jwk, ',' ORDER BY created_time DESC) || ']}', "
                  "'{\"keys\":[]}'), "
                  "EXISTS (SELECT FROM signing_key) FROM signing_keys WHERE retire_time IS NULL OR retire_time > now()"
};

struct jwks {
    struct pg_segment *segment;
    const char *values[3];
};

static enum step jwks_query(struct req *r)
{
    struct jwks *j = r->state;
    j->segment = segment_new(r, PG_FAST, true);
    pg_add(j->segment, &stmt_key_public, NULL, 0);
    pg_submit(r->worker->pg, j->segment);
    return STEP_WAIT;
}

/* Two replicas may both make a first key: one is kept, and both read it back. */
static enum step jwks_ensure(struct req *r)
{
    struct jwks *j = r->state;
    if (str_is(pg_value(j->segment, 0, 0, 1), "t")) return STEP_NEXT;
    struct str pem, kid, jwk;
    if (!jwk_generate(&r->arena, &pem, &kid, &jwk)) return problem_set(&r->problem, E_INTERNAL), STEP_FAIL;
    j->values[0] = kid.p;
    j->values[1] = pem.p;
    j->values[2] = jwk.p;
    j->segment = segment_new(r, PG_FAST, false);
    pg_add(j->segment, &stmt_key_add, j->values, 3);
    pg_add(j->segment, &stmt_key_public, NULL, 0);
    pg_submit(r->worker->pg, j->segment);
    return STEP_WAIT;
}

static enum step jwks_reply(struct req *r)
{
    struct jwks *j = r->state;
    req_reply_header(r, STR("Cache-Control"), STR("max-age=30"));
    reply_raw(r, 200, STR("application/json; charset=utf-8"), pg_value(j->segment, j->segment->count - 1, 0, 0));
    return STEP_WAIT;
}

static const step_fn jwks_steps[] = { jwks_query, jwks_ensure, jwks_reply, NULL };

void auth_jwks(struct req *r)
{
    r->state = arena_new(&r->arena, struct jwks);
    flow_start(r, jwks_steps);
}
