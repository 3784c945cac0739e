/* How an order moves is for the procedures to say (0011_orders.sql); which amounts need an approval is a setting. */
#include "order.h"

#include "app/service.h"
#include "base/uuid.h"
#include "http/flow.h"
#include "order-service_routes.h"
#include "rest/related.h"
#include "rest/rest.h"
#include "schema/scope.h"
#include "schemas.h"

/* How much an order may come to without an approval. */
static enum step tell_limit(struct req *r)
{
    const struct order_settings *settings = service_settings(r->worker);
    rest_tell(r, "crm.approval_amount", arena_printf(&r->arena, "%d", settings->approval_amount).p);
    return STEP_NEXT;
}

static void need(struct req *r, int field, bool is_there)
{
    if (!is_there) problem_add(&r->problem, &r->arena, E_INVALID_FIELD, order_resource.fields[field].name, STR("is required"));
}

/* Customer and items may be those of a quote, and the customer that of an opportunity. */
static enum step prepare_create(struct req *r)
{
    const char *const *given = rest_values(r)->text;
    need(r, ORDER_customer_id, given[ORDER_customer_id] || given[ORDER_quote_id] || given[ORDER_opportunity_id]);
    need(r, ORDER_order_items, given[ORDER_order_items] || given[ORDER_quote_id]);
    return r->problem.code == E_OK ? tell_limit(r) : STEP_FAIL;
}

void order_create(struct req *r)
{
    rest_create_with(r, prepare_create);
}

static enum step prepare_from_opportunity(struct req *r)
{
    if (!uuid_valid(r->params[0])) {
        problem_add(&r->problem, &r->arena, E_INVALID_FIELD, order_resource.fields[ORDER_opportunity_id].name, STR("is not a UUID"));
        return STEP_FAIL;
    }
    rest_values(r)->text[ORDER_opportunity_id] = arena_cstr(&r->arena, r->params[0]);
    rest_tell(r, "crm.of_won", "1");
    return tell_limit(r);
}

void opportunity_to_order(struct req *r)
{
    rest_create_with(r, prepare_from_opportunity);
}

void order_move(struct req *r)
{
    rest_call_with(r, tell_limit, NULL);
}

static void moves(struct buf *b)
{
    buf_addz(b, "SELECT m.to_status, m.action, to_json(m.needs) FROM orders t "
                "LEFT JOIN order_transitions m ON m.from_status = t.order_status "
                "WHERE t.order_id = $1::uuid AND t.deleted_time IS NULL");
    scope_add(b, "t", "assigned_to", 2, 3);
    buf_addz(b, " ORDER BY m.place");
}

void order_transitions(struct req *r)
{
    static const struct related_member members[] = { { STR("order_status"), false }, { STR("action"), false }, { STR("needs"), true } };
    static const struct related transitions = { moves, NULL, members, sizeof members / sizeof *members };
    related_list(r, &transitions);
}
