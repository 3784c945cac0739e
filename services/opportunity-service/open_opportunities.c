/* How many open opportunities a customer has, for customer-service before it deletes one. */
#include "opportunity-service_routes.h"
#include "rest/tally.h"

void open_opportunities(struct req *r)
{
    static const struct tally open = {
        STR("customer_id"), STR("open_opportunities"),
        { "open_opportunities", "SELECT count(*) FROM opportunities WHERE customer_id = $1::uuid AND deleted_time IS NULL "
                                "AND NOT opportunity_is_closed(status)" },
    };
    tally_get(r, &open);
}
