/* How many orders of a customer are not done with, for customer-service before it deletes one. */
#include "order-service_routes.h"
#include "rest/tally.h"

void live_orders(struct req *r)
{
    static const struct tally live = {
        STR("customer_id"), STR("live_orders"),
        { "live_orders", "SELECT count(*) FROM orders o WHERE o.customer_id = $1::uuid AND o.deleted_time IS NULL AND order_is_live(o)" },
    };
    tally_get(r, &live);
}
