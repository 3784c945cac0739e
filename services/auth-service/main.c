/* auth-service: login, token validation, public keys (requirement document, section 5.1). */
#include "app/service.h"
#include "auth.h"
#include "auth-service_routes.h"
#include "base/limits.h"

const struct opt auth_opts[] = {
    { "TOKEN_TTL_S", O_INT, offsetof(struct auth_settings, token_ttl_s), "3600", O_LIVE, 1, LIMIT_TOKEN_LIFE_S,
      "life of an access token, in seconds" },
    { 0 },
};

static const struct resource *const no_resources[] = { NULL };
static const struct pg_stmt *const statements[] = { &stmt_user_by_name, &stmt_key_signing, &stmt_key_add,
                                                    &stmt_key_public, &stmt_revocations, &stmt_client, NULL };

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "create-admin")) return admin_create(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "create-client")) return client_create(argc, argv);
    const struct service service = {
        .name = "auth-service",
        .routes = &auth_service_routes,
        .openapi = &auth_service_openapi,
        .resources = no_resources,
        .statements = statements,
        .opts = auth_opts,
        .settings_size = sizeof(struct auth_settings),
        .announces = "revocations",
    };
    return service_run(&service, argc, argv);
}
