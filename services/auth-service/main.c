/* auth-service: login, sessions, token validation, public keys (requirement document, section 5.1); users, departments and roles. */
#include "app/service.h"
#include "auth.h"
#include "auth-service_routes.h"
#include "base/limits.h"
#include "schemas.h"

#define AT(member) offsetof(struct auth_settings, member)
const struct opt auth_opts[] = {
    { "TOKEN_TTL_S", O_INT, AT(token_ttl_s), "3600", O_LIVE, 1, LIMIT_TOKEN_LIFE_S, "life of an access token, in seconds" },
    { "REFRESH_TTL_S", O_INT, AT(refresh_ttl_s), "604800", O_LIVE, 1, 90 * 86400,
      "life of a refresh token, in seconds: a session that is not used for so long ends" },
    { "MAX_SESSIONS_PER_USER", O_INT, AT(sessions_max), "50", O_LIVE, 1, 1000, "at a login beyond it the oldest session ends" },
    { "LOGIN_FAILURES_MAX", O_INT, AT(failures_pair_max), "5", O_LIVE, 1, 1000000,
      "failed logins of one account from one address before the next one has to wait" },
    { "LOGIN_FAILURES_ACCOUNT_MAX", O_INT, AT(failures_account_max), "100", O_LIVE, 1, 1000000,
      "of one account from all addresses but those that its user is known to come from" },
    { "LOGIN_FAILURES_ADDRESS_MAX", O_INT, AT(failures_address_max), "50", O_LIVE, 1, 1000000, "of all accounts from one address" },
    { "LOGIN_DELAY_MAX_S", O_INT, AT(delay_max_s), "300", O_LIVE, 1, 86400,
      "longest wait, in seconds: the first is 1 s and doubles with each failure" },
    { "LOGIN_DECAY_S", O_INT, AT(half_life_s), "3600", O_LIVE, 1, 86400, "time in which half of the failures are forgotten, in seconds" },
    { "SECURITY_WEBHOOK_URL", O_STR, AT(webhook_url), NULL, 0, 1, 0,
      "URL that security alerts are posted to, as JSON, until it takes them; default: none" },
    { 0 },
};

static const struct resource *const resources[] = { &user_resource,    &department_resource, &role_resource,
                                                     &ip_rule_resource, &audit_log_resource,  &security_alert_resource, NULL };
static const struct pg_stmt *const statements[] = {
    &stmt_user_by_name, &stmt_login_attempt, &stmt_login_forgive, &stmt_session_begin, &stmt_grant,       &stmt_refresh,
    &stmt_sessions,     &stmt_sessions_end,  &stmt_password_of,   &stmt_password_set,  &stmt_key_signing, &stmt_key_add,
    &stmt_key_public,   &stmt_revocations,   &stmt_client,        &stmt_ip_rules,      &stmt_audit_add,   &stmt_audit_verify,
    NULL,
};

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "create-admin")) return admin_create(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "rotate-key")) return key_rotate(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "create-client")) return client_create(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "verify-audit")) return audit_verify_command(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "load-countries")) return countries_load(argc, argv);
    const struct service service = {
        .name = "auth-service",
        .routes = &auth_service_routes,
        .openapi = &auth_service_openapi,
        .resources = resources,
        .statements = statements,
        .opts = auth_opts,
        .settings_size = sizeof(struct auth_settings),
        .announces = "revocations",
        .errands = auth_errands,
    };
    return service_run(&service, argc, argv);
}
