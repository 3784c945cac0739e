/* The generated route tables say what the requirement document says (3.1, 4.1, 5.1). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "json/json_read.h"

#include "auth-service_openapi.c"
#include "auth-service_routes.c"
#include "customer-service_openapi.c"
#include "customer-service_routes.c"
#include "opportunity-service_openapi.c"
#include "opportunity-service_routes.c"
#include "order-service_openapi.c"
#include "order-service_routes.c"
#include "permissions.h"
#include "registry.c"
#include "schemas.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The services' own handlers are not part of the library. */
void dictionary_index(struct req *r)
{
    (void)r;
}
void dictionary_get(struct req *r)
{
    (void)r;
}
void errors_index(struct req *r)
{
    (void)r;
}
void auth_ip_rules(struct req *r)
{
    (void)r;
}
void ip_rule_create(struct req *r)
{
    (void)r;
}
void ip_rule_update(struct req *r)
{
    (void)r;
}
void ip_rule_delete(struct req *r)
{
    (void)r;
}
void ip_rule_restore(struct req *r)
{
    (void)r;
}
void audit_add(struct req *r)
{
    (void)r;
}
void audit_verify(struct req *r)
{
    (void)r;
}
void board_get(struct req *r)
{
    (void)r;
}
void customer_of_lead(struct req *r)
{
    (void)r;
}
void lead_convert(struct req *r)
{
    (void)r;
}
void duplicates_list(struct req *r)
{
    (void)r;
}
void credit_get(struct req *r)
{
    (void)r;
}
void live_orders(struct req *r)
{
    (void)r;
}
void opportunity_to_order(struct req *r)
{
    (void)r;
}
void order_create(struct req *r)
{
    (void)r;
}
void order_move(struct req *r)
{
    (void)r;
}
void order_transitions(struct req *r)
{
    (void)r;
}
void transitions_list(struct req *r)
{
    (void)r;
}
void auth_login(struct req *r)
{
    (void)r;
}
void auth_validate(struct req *r)
{
    (void)r;
}
void auth_revocations(struct req *r)
{
    (void)r;
}
void auth_token(struct req *r)
{
    (void)r;
}
void auth_jwks(struct req *r)
{
    (void)r;
}
void user_create(struct req *r)
{
    (void)r;
}
void user_update(struct req *r)
{
    (void)r;
}
void user_password(struct req *r)
{
    (void)r;
}
void permission_index(struct req *r)
{
    (void)r;
}
void auth_refresh(struct req *r)
{
    (void)r;
}
void auth_logout(struct req *r)
{
    (void)r;
}
void auth_password(struct req *r)
{
    (void)r;
}
void auth_sessions(struct req *r)
{
    (void)r;
}
void auth_sessions_end(struct req *r)
{
    (void)r;
}
void auth_session_end(struct req *r)
{
    (void)r;
}
void user_sessions(struct req *r)
{
    (void)r;
}
void user_sessions_end(struct req *r)
{
    (void)r;
}
void user_session_end(struct req *r)
{
    (void)r;
}

void customer_delete(struct req *r)
{
    (void)r;
}
void open_opportunities(struct req *r)
{
    (void)r;
}

static const struct route_table *const services[SERVICE_COUNT] = {
    [SERVICE_AUTH] = &auth_service_routes,
    [SERVICE_CUSTOMER] = &customer_service_routes,
    [SERVICE_OPPORTUNITY] = &opportunity_service_routes,
    [SERVICE_ORDER] = &order_service_routes,
};

static void assert_str(struct str got, const char *want)
{
    char text[256];
    snprintf(text, sizeof text, "%.*s", STR_ARG(got));
    assert_string_equal(text, want);
}

/* --- routes ------------------------------------------------------------------------------------------------------- */
static const struct route *route_of(const struct route_table *t, enum method method, const char *path)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].method == method && str_is(t->rows[i].path, path)) return &t->rows[i];
    return NULL;
}

static void test_customer_routes_have_their_permissions(void **state)
{
    static const struct {
        enum method method;
        const char *path;
        enum permission permission;
    } rows[] = {
        { METHOD_GET, "/api/v1/customers", PERM_CUSTOMER_VIEW },
        { METHOD_POST, "/api/v1/customers", PERM_CUSTOMER_CREATE },
        { METHOD_GET, "/api/v1/customers/{customer_id}", PERM_CUSTOMER_VIEW },
        { METHOD_PUT, "/api/v1/customers/{customer_id}", PERM_CUSTOMER_UPDATE },
        { METHOD_PATCH, "/api/v1/customers/{customer_id}", PERM_CUSTOMER_UPDATE },
        { METHOD_DELETE, "/api/v1/customers/{customer_id}", PERM_CUSTOMER_DELETE },
        { METHOD_POST, "/api/v1/customers/{customer_id}/restore", PERM_CUSTOMER_DELETE },
        { METHOD_GET, "/api/v1/contacts", PERM_CUSTOMER_VIEW },
        { METHOD_POST, "/api/v1/industries", PERM_DICTIONARY_MANAGE },
        { METHOD_DELETE, "/api/v1/regions/{region_id}", PERM_DICTIONARY_MANAGE },
        { METHOD_GET, "/api/v1/dictionaries/{type}", PERM_AUTHENTICATED },
        { METHOD_GET, "/api/v1/errors", PERM_PUBLIC },
        { METHOD_POST, "/internal/v1/getCustomerById", PERM_CUSTOMER_VIEW },
        { METHOD_POST, "/internal/v1/createCustomer", PERM_CUSTOMER_CREATE },
        { METHOD_POST, "/internal/v1/updateCustomer", PERM_CUSTOMER_UPDATE },
        { METHOD_POST, "/internal/v1/deleteCustomer", PERM_CUSTOMER_DELETE },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct route *r = route_of(&customer_service_routes, rows[i].method, rows[i].path);
        assert_non_null(r);
        assert_int_equal(r->permission, rows[i].permission);
    }
}

static void test_only_these_routes_are_public(void **state)
{
    static const char *const operations[] = { "login", "getJwks", "refreshToken", "issueServiceToken", "listErrors" };
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < registry.count; i++) {
        if (registry.rows[i].permission != PERM_PUBLIC) continue;
        assert_true(n < COUNT(operations));
        assert_str(registry.rows[i].operation, operations[n++]);
    }
    assert_int_equal(n, COUNT(operations));
}

/* But for reads of the records themselves. */
static void test_writes_are_audited_and_reads_are_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < registry.count; i++) {
        const struct route *row = &registry.rows[i];
        assert_int_equal(row->audited, row->method != METHOD_GET || row->permission == PERM_AUDIT_VIEW);
    }
}

static void test_registry_holds_the_public_rows_of_all_services(void **state)
{
    size_t public_rows = 0;
    (void)state;
    for (size_t s = 0; s < SERVICE_COUNT; s++)
        for (size_t i = 0; i < services[s]->count; i++) {
            const struct route *r = &services[s]->rows[i];
            bool internal = str_has_prefix(r->path, STR("/internal/"));
            assert_non_null(r->handler);
            assert_int_equal(r->service, s);
            assert_int_equal(internal, r->rate == RATE_INTERNAL);
            public_rows += !internal;
        }
    assert_int_equal(registry.count, public_rows);
    for (size_t i = 0; i < registry.count; i++) {
        assert_true(str_has_prefix(registry.rows[i].path, STR("/api/v1/")));
        assert_null(registry.rows[i].handler);
        assert_null(registry.rows[i].resource);
        assert_true(registry.rows[i].timeout_ms > 0);
    }
}

static void test_internal_methods_name_their_arguments(void **state)
{
    const struct route *update = route_of(&customer_service_routes, METHOD_POST, "/internal/v1/updateCustomer");
    const struct route *create = route_of(&customer_service_routes, METHOD_POST, "/internal/v1/createCustomer");
    (void)state;
    assert_str(update->rpc->id, "customerId");
    assert_str(update->rpc->body, "customerDTO");
    assert_true(str_is_none(create->rpc->id));
    assert_ptr_equal(update->resource, &customer_resource);
    assert_null(route_of(&customer_service_routes, METHOD_PUT, "/api/v1/customers/{customer_id}")->rpc);
}

static void test_permission_names_are_sorted_and_unique(void **state)
{
    (void)state;
    assert_str(permission_names[PERM_PUBLIC], "public");
    assert_str(permission_names[PERM_CUSTOMER_UNMASK], "customer:unmask");
    assert_str(permission_names[PERM_ORDER_APPROVE], "order:approve");
    assert_str(service_names[SERVICE_CUSTOMER], "customer-service");
    for (int i = PERM_AUTHENTICATED + 2; i < PERM_COUNT; i++)
        assert_true(strcmp(permission_names[i - 1].p, permission_names[i].p) < 0);
}

/* --- OpenAPI ------------------------------------------------------------------------------------------------------ */
static const char *const method_keys[METHOD_COUNT] = {
    [METHOD_GET] = "get",     [METHOD_POST] = "post",     [METHOD_PUT] = "put",
    [METHOD_PATCH] = "patch", [METHOD_DELETE] = "delete",
};

static void test_openapi_documents_every_route(void **state)
{
    static const struct str *const documents[SERVICE_COUNT] = {
        [SERVICE_AUTH] = &auth_service_openapi,
        [SERVICE_CUSTOMER] = &customer_service_openapi,
        [SERVICE_OPPORTUNITY] = &opportunity_service_openapi,
        [SERVICE_ORDER] = &order_service_openapi,
    };
    (void)state;
    for (size_t s = 0; s < SERVICE_COUNT; s++) {
        struct arena a;
        struct problem p = { 0 };
        arena_init(&a);
        const struct json *document = json_read(&a, *documents[s], &p);
        assert_non_null(document);
        assert_str(json_text(json_get(document, STR("openapi"))), "3.0.3");
        const struct json *paths = json_get(document, STR("paths"));
        for (size_t i = 0; i < services[s]->count; i++) {
            const struct route *r = &services[s]->rows[i];
            const struct json *operation = json_get(json_get(paths, r->path), str_of(method_keys[r->method]));
            assert_true(str_eq(json_text(json_get(operation, STR("operationId"))), r->operation));
            assert_non_null(json_get(json_get(operation, STR("responses")), STR("200")));
        }
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_customer_routes_have_their_permissions),
        cmocka_unit_test(test_only_these_routes_are_public),
        cmocka_unit_test(test_writes_are_audited_and_reads_are_not),
        cmocka_unit_test(test_registry_holds_the_public_rows_of_all_services),
        cmocka_unit_test(test_internal_methods_name_their_arguments),
        cmocka_unit_test(test_permission_names_are_sorted_and_unique),
        cmocka_unit_test(test_openapi_documents_every_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
