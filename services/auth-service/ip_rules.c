/* Rules for addresses: what administrators make, and what gateways ask for again and again (gateway/address_rules.c). The list is public
 * on the inner network, as the revocations are, for who asks has no token; the gateway does not route it. */
#include "auth.h"

#include "auth-service_routes.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/rest.h"
#include "rest/segment.h"
#include "schema/query.h"

/* What ends by itself changes the version too. */
const struct pg_stmt stmt_ip_rules = {
    "ip_rules",
    "WITH here AS (SELECT v.version || '.' || coalesce((SELECT extract(epoch FROM max(expires_time))::bigint FROM ip_rules "
    "WHERE expires_time <= now()), 0) AS version FROM ip_rules_version v) "
    "SELECT json_build_object('version', here.version, 'rules', CASE WHEN here.version <> $1 THEN coalesce((SELECT "
    "string_agg(r.action || ' ' || r.route_class || ' ' || r.cidr, E'\\n') FROM ip_rules_in_force r), '') END) FROM here"
};

struct listing {
    struct pg_segment *segment;
    const char *version;
};

static enum step rules_query(struct req *r)
{
    struct listing *l = r->state;
    struct query_param params[LIMIT_QUERY_PARAMS];
    size_t count = 0;
    if (!query_split(&r->arena, r->query, params, &count, &r->problem)) return STEP_FAIL;
    for (size_t i = 0; i < count; i++)
        if (!str_is(params[i].name, "version"))
            problem_add(&r->problem, &r->arena, E_INVALID_FIELD, params[i].name, STR("is not a known parameter"));
    if (r->problem.code != E_OK) return STEP_FAIL;
    struct str version = query_value(params, count, STR("version"));
    l->version = str_is_none(version) ? "" : arena_cstr(&r->arena, version);
    l->segment = segment_new(r, PG_FAST, true);
    pg_add(l->segment, &stmt_ip_rules, &l->version, 1);
    pg_submit(r->worker->pg, l->segment);
    return STEP_WAIT;
}

static enum step rules_reply(struct req *r)
{
    const struct listing *l = r->state;
    req_reply_header(r, STR("Cache-Control"), STR("no-store"));
    reply_raw(r, 200, STR("application/json; charset=utf-8"), pg_value(l->segment, 0, 0, 0));
    return STEP_WAIT;
}

void auth_ip_rules(struct req *r)
{
    static const step_fn steps[] = { rules_query, rules_reply, NULL };
    r->state = arena_new(&r->arena, struct listing);
    flow_start(r, steps);
}

/* --- changes: none that would shut out who makes it (0013_ip_rules.sql) ------------------------------------------------------ */

static enum step tell_address(struct req *r)
{
    rest_tell(r, "crm.address", arena_cstr(&r->arena, r->peer));
    return STEP_NEXT;
}

void ip_rule_create(struct req *r)
{
    rest_create_with(r, tell_address);
}

void ip_rule_update(struct req *r)
{
    rest_update_with(r, tell_address);
}

void ip_rule_delete(struct req *r)
{
    rest_delete_with(r, tell_address);
}

void ip_rule_restore(struct req *r)
{
    rest_restore_with(r, tell_address);
}
