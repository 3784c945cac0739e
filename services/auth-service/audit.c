/* Records of the gateways: added once each, chained, and verified day by day (0014_audit.sql, 0016_security_alerts.sql). */
#include "auth.h"
#include "app/command.h"

#include "auth-service_routes.h"
#include "auth/principal.h"
#include "base/clock.h"
#include "base/zone.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/segment.h"

#include <stdio.h>
#include <stdlib.h>

const struct pg_stmt stmt_audit_add = { "audit_add", "SELECT audit_add($1::jsonb -> 'records', $2::uuid)" };
const struct pg_stmt stmt_audit_verify = { "audit_verify", "SELECT records, broken FROM audit_verify($1::date)" };

struct work_on {
    struct pg_segment *segment;
    const char *values[2];
};

/* --- adding ----------------------------------------------------------------------------------------------------------------- */

static enum step add_query(struct req *r)
{
    struct work_on *o = r->state;
    o->values[0] = arena_cstr(&r->arena, r->body);
    o->values[1] = arena_cstr(&r->arena, r->who->user_id);
    o->segment = segment_new(r, PG_SLOW, false);
    o->segment->done = segment_resume_anyway;
    pg_add(o->segment, &stmt_audit_add, o->values, 2);
    pg_submit(r->worker->pg, o->segment);
    return STEP_WAIT;
}

/* Data exceptions and what a column does not take: it will not do the next time either. */
static bool is_malformed(const struct pg_segment *s)
{
    return s->error == E_INTERNAL && (!strncmp(s->sqlstate, "22", 2) || !strncmp(s->sqlstate, "23", 2));
}

static enum step add_reply(struct req *r)
{
    const struct work_on *o = r->state;
    if (is_malformed(o->segment)) problem_add(&r->problem, &r->arena, E_INVALID_FIELD, STR("records"), STR("are no records"));
    else if (o->segment->error != E_OK) problem_set(&r->problem, o->segment->error);
    if (r->problem.code != E_OK) return STEP_FAIL;
    struct jw w = reply_begin(r);
    jw_object(&w);
    jw_name(&w, STR("added"));
    jw_raw(&w, pg_value(o->segment, 0, 0, 0));
    jw_object_end(&w);
    reply_end(r, &w);
    return STEP_WAIT;
}

void audit_add(struct req *r)
{
    static const step_fn steps[] = { add_query, add_reply, NULL };
    r->state = arena_new(&r->arena, struct work_on);
    flow_start(r, steps);
}

/* --- verifying -------------------------------------------------------------------------------------------------------------- */

static enum step verify_query(struct req *r)
{
    struct work_on *o = r->state;
    int days;
    if (!date_read(r->params[0], &days)) {
        problem_add(&r->problem, &r->arena, E_INVALID_FIELD, STR("day"), STR("must be a date"));
        return STEP_FAIL;
    }
    o->values[0] = arena_cstr(&r->arena, r->params[0]);
    o->segment = segment_new(r, PG_SLOW, true);
    pg_add(o->segment, &stmt_audit_verify, o->values, 1);
    pg_submit(r->worker->pg, o->segment);
    return STEP_WAIT;
}

static enum step verify_reply(struct req *r)
{
    const struct work_on *o = r->state;
    struct jw w = reply_begin(r);
    jw_object(&w);
    jw_name(&w, STR("day"));
    jw_plain(&w, r->params[0]);
    jw_name(&w, STR("records"));
    jw_raw(&w, pg_value(o->segment, 0, 0, 0));
    jw_name(&w, STR("broken"));
    jw_raw(&w, pg_value(o->segment, 0, 0, 1));
    jw_object_end(&w);
    reply_end(r, &w);
    return STEP_WAIT;
}

void audit_verify(struct req *r)
{
    static const step_fn steps[] = { verify_query, verify_reply, NULL };
    r->state = arena_new(&r->arena, struct work_on);
    flow_start(r, steps);
}

/* The command: DATABASE_URL=... auth-service verify-audit 2023-01-01 */
int audit_verify_command(int argc, char **argv)
{
    static const struct pg_stmt stmt = { "verify", "SELECT coalesce(broken::text, 'whole') FROM audit_verify($1::date)" };
    const char *url = getenv("DATABASE_URL");
    int days;
    if (!url || argc != 3 || !date_read(str_of(argv[2]), &days)) {
        fprintf(stderr, "usage: DATABASE_URL=... auth-service verify-audit YYYY-MM-DD\n");
        return EXIT_FAILURE;
    }
    struct command c = { .name = "verify-audit", .url = url, .stmt = &stmt, .values = { argv[2] }, .count = 1 };
    if (!command_run(&c)) return EXIT_FAILURE;
    bool is_whole = !strcmp(c.value, "whole");
    printf(is_whole ? "%s: whole\n" : "%s: broken at record %s\n", argv[2], c.value);
    return is_whole ? EXIT_SUCCESS : EXIT_FAILURE;
}
