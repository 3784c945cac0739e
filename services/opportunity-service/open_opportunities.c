/* How many open opportunities a customer has, for customer-service before it deletes one: of all, whosever they are. */
#include "base/uuid.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "opportunity-service_routes.h"
#include "rest/segment.h"

static const struct pg_stmt stmt_count = {
    "open_opportunities", "SELECT count(*) FROM opportunities WHERE customer_id = $1::uuid AND deleted_time IS NULL "
                          "AND NOT opportunity_is_closed(status)"
};

struct count {
    const char *customer;
    struct pg_segment *segment;
};

static enum step count_query(struct req *r)
{
    struct count *c = r->state;
    if (!uuid_valid(r->params[0])) {
        problem_add(&r->problem, &r->arena, E_INVALID_FIELD, STR("customer_id"), STR("is not a UUID"));
        return STEP_FAIL;
    }
    c->customer = arena_cstr(&r->arena, r->params[0]);
    c->segment = segment_new(r, PG_FAST, true);
    pg_add(c->segment, &stmt_count, &c->customer, 1);
    pg_submit(r->worker->pg, c->segment);
    return STEP_WAIT;
}

static enum step count_reply(struct req *r)
{
    const struct count *c = r->state;
    struct jw w = reply_begin(r);
    jw_object(&w);
    jw_name(&w, STR("open_opportunities"));
    jw_raw(&w, pg_value(c->segment, 0, 0, 0));
    jw_object_end(&w);
    reply_end(r, &w);
    return STEP_WAIT;
}

void open_opportunities(struct req *r)
{
    static const step_fn steps[] = { count_query, count_reply, NULL };
    r->state = arena_new(&r->arena, struct count);
    flow_start(r, steps);
}
