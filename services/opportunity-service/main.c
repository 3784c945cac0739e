/* opportunity-service: opportunities, stages, leads, activities (requirement document, sections 3.2, 3.4 and 4.2). */
#include "conversion.h"

#include "app/service.h"
#include "opportunity-service_routes.h"
#include "rest/remote.h"
#include "schemas.h"

static const struct resource *const resources[] = { &pipeline_resource, &stage_resource, &opportunity_resource,
                                                     &stage_history_resource, &lead_resource, &activity_resource, NULL };

static const struct source sources[] = { { "auth-service", "department,user" }, { "customer-service", "customer" }, { 0 } };

static const struct pg_stmt stmt_customer_keep = { "customer_keep", "SELECT customer_event($1::jsonb)" };
static const struct pg_stmt *const statements[] = { &stmt_customer_keep, NULL };
static const struct remote remotes[] = {
    { "customer_ref", "customer-service", "customer", "/internal/v1/getCustomerById", "customerId", &stmt_customer_keep },
    /* or it is no customer, but an opportunity or a lead that is not there */
    { "related_ref", "customer-service", "customer", "/internal/v1/getCustomerById", "customerId", &stmt_customer_keep },
    { 0 }
};

int main(int argc, char **argv)
{
    const struct service service = {
        .name = "opportunity-service",
        .routes = &opportunity_service_routes,
        .openapi = &opportunity_service_openapi,
        .resources = resources,
        .statements = statements,
        .sources = sources,
        .remotes = remotes,
        .errands = conversion_errands,
    };
    return service_run(&service, argc, argv);
}
