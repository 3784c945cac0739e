/* order-service: orders, products, quotes, payments, credit (requirement document, sections 3.3 and 4.3). */
#include "order.h"

#include "app/service.h"
#include "order-service_routes.h"
#include "rest/remote.h"
#include "schemas.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

static const struct opt opts[] = {
    { "ORDER_APPROVAL_AMOUNT", O_INT, offsetof(struct order_settings, approval_amount), "100000", O_LIVE, 0, INT_MAX,
      "an order of more than that, in yuan without tax, waits for an approval when it is submitted" },
    { 0 },
};

static const struct resource *const resources[] = { &product_resource, &order_resource,         &order_history_resource, &payment_resource,
                                                     &quote_resource,   &quote_version_resource, NULL };

static const struct source sources[] = { { "auth-service", "department,user" }, { "customer-service", "customer" },
                                         { "opportunity-service", "opportunity" }, { 0 } };

static const struct pg_stmt stmt_customer_keep = { "customer_keep", "SELECT customer_seen($1::jsonb)" };
static const struct pg_stmt stmt_opportunity_keep = { "opportunity_keep", "SELECT opportunity_event($1::jsonb)" };
static const struct pg_stmt *const statements[] = { &stmt_customer_keep, &stmt_opportunity_keep, NULL };
static const struct remote remotes[] = {
    { "customer_ref", "customer-service", "customer", "/internal/v1/getCustomerById", "customerId", &stmt_customer_keep },
    { "opportunity_ref", "opportunity-service", "opportunity", "/internal/v1/getOpportunityById", "opportunityId", &stmt_opportunity_keep },
    { 0 }
};

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "verify-credit")) return credit_verify_command();
    const struct service service = {
        .name = "order-service",
        .routes = &order_service_routes,
        .openapi = &order_service_openapi,
        .resources = resources,
        .statements = statements,
        .opts = opts,
        .settings_size = sizeof(struct order_settings),
        .sources = sources,
        .remotes = remotes,
    };
    return service_run(&service, argc, argv);
}
