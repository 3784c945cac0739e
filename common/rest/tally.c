#include "rest/tally.h"

#include "base/uuid.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/segment.h"

struct counting {
    const struct tally *what;
    const char *id;
    struct pg_segment *segment;
};

static enum step query(struct req *r)
{
    struct counting *c = r->state;
    if (!uuid_valid(r->params[0])) {
        problem_add(&r->problem, &r->arena, E_INVALID_FIELD, c->what->id, STR("is not a UUID"));
        return STEP_FAIL;
    }
    c->id = arena_cstr(&r->arena, r->params[0]);
    c->segment = segment_new(r, PG_FAST, true);
    pg_add(c->segment, &c->what->stmt, &c->id, 1);
    pg_submit(r->worker->pg, c->segment);
    return STEP_WAIT;
}

static enum step reply(struct req *r)
{
    const struct counting *c = r->state;
    struct jw w = reply_begin(r);
    jw_object(&w);
    jw_name(&w, c->what->name);
    jw_raw(&w, pg_value(c->segment, 0, 0, 0));
    jw_object_end(&w);
    reply_end(r, &w);
    return STEP_WAIT;
}

void tally_get(struct req *r, const struct tally *what)
{
    static const step_fn steps[] = { query, reply, NULL };
    struct counting *c = arena_new(&r->arena, struct counting);
    c->what = what;
    r->state = c;
    flow_start(r, steps);
}
