/* opportunity-service: opportunities, stages, leads, activities (requirement document, sections 3.2, 3.4 and 4.2). */
#include "app/service.h"
#include "opportunity-service_routes.h"
#include "schemas.h"

static const struct resource *const resources[] = { &pipeline_resource, &stage_resource, &opportunity_resource,
                                                     &stage_history_resource, &lead_resource, NULL };

int main(int argc, char **argv)
{
    const struct service service = {
        .name = "opportunity-service",
        .routes = &opportunity_service_routes,
        .openapi = &opportunity_service_openapi,
        .resources = resources,
    };
    return service_run(&service, argc, argv);
}
