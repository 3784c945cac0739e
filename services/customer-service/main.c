/* customer-service: customers, contacts, industries, regions, dictionaries (requirement document, sections 3.1
 * and 4.1).
 *
 * Its records need no code: proto-json-schemas says what they are, migrations/ where they are stored, common/rest does
 * the rest. */
#include "app/service.h"
#include "customer-service_routes.h"
#include "schemas.h"

static const struct resource *const resources[] = {
    &customer_resource, &contact_resource, &industry_resource, &region_resource, NULL,
};

static const struct source sources[] = { { "auth-service", "department,user" }, { "opportunity-service", "activity" }, { 0 } };

int main(int argc, char **argv)
{
    const struct service service = {
        .name = "customer-service",
        .routes = &customer_service_routes,
        .openapi = &customer_service_openapi,
        .resources = resources,
        .sources = sources,
    };
    return service_run(&service, argc, argv);
}
