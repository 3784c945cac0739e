/* The generated tables say what the requirement document says (3.1, 4.1, 5.1). */
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
void auth_login(struct req *r)
{
    (void)r;
}
void auth_validate(struct req *r)
{
    (void)r;
}
void auth_jwks(struct req *r)
{
    (void)r;
}

static const struct resource *const stored[] = { &customer_resource, &contact_resource, &industry_resource,
                                                 &region_resource, &user_resource };
static const struct route_table *const services[SERVICE_COUNT] = {
    [SERVICE_AUTH] = &auth_service_routes,
    [SERVICE_CUSTOMER] = &customer_service_routes,
};

static const struct field *field_named(const struct resource *r, const char *name)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (str_is(r->fields[i].name, name)) return &r->fields[i];
    fail_msg("%s has no field %s", r->table ? r->table : "message", name);
    return NULL;
}

static void assert_str(struct str got, const char *want)
{
    char text[256];
    snprintf(text, sizeof text, "%.*s", STR_ARG(got));
    assert_string_equal(text, want);
}

static void assert_view(const struct resource *r, enum view view, const char *const *names, size_t count)
{
    assert_int_equal(r->views[view].count, count);
    for (size_t i = 0; i < count; i++) assert_str(r->fields[r->views[view].at[i]].name, names[i]);
}

/* The names of the fields with `flag`, and no others, in order. */
static void assert_flagged(const struct resource *r, unsigned flag, const char *const *names, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < r->field_count; i++) {
        if (!(r->fields[i].flags & flag)) continue;
        assert_true(n < count);
        assert_str(r->fields[i].name, names[n++]);
    }
    assert_int_equal(n, count);
}

/* --- customer ----------------------------------------------------------------------------------------------------- */
static void test_customer_list_has_the_fields_of_3_1_1(void **state)
{
    static const char *const names[] = { "customer_id",     "customer_code", "customer_name", "customer_type",
                                         "primary_contact", "phone",         "email",         "address",
                                         "customer_level",  "industry_name", "status",        "created_time" };
    (void)state;
    assert_view(&customer_resource, VIEW_LIST, names, COUNT(names));
}

static void test_customer_detail_has_the_fields_of_3_1_2_and_version(void **state)
{
    static const char *const names[] = {
        "customer_id",     "customer_code",   "customer_name",  "customer_type", "primary_contact_id",
        "primary_contact", "phone",           "email",          "address",       "customer_level",
        "industry_id",     "industry_name",   "company_size",   "credit_limit",  "payment_terms",
        "region_id",       "region_name",     "source_channel", "tags",          "status",
        "created_by",      "created_by_name", "created_time",   "updated_by",    "updated_by_name",
        "updated_time",    "description",     "version"
    };
    (void)state;
    assert_view(&customer_resource, VIEW_DETAIL, names, COUNT(names));
}

static void test_customer_create_takes_the_fields_of_3_1_3(void **state)
{
    static const char *const names[] = { "customer_code", "customer_name",  "customer_type", "primary_contact_id",
                                         "phone",         "email",          "address",       "customer_level",
                                         "industry_id",   "company_size",   "credit_limit",  "payment_terms",
                                         "region_id",     "source_channel", "tags",          "status",
                                         "description" };
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < CUSTOMER_COUNT; i++) {
        if (customer_resource.fields[i].flags & F_READONLY) continue;
        assert_true(n < COUNT(names));
        assert_str(customer_resource.fields[i].name, names[n++]);
    }
    assert_int_equal(n, COUNT(names));
}

static void test_customer_writes_answer_as_in_3_1_3_and_3_1_4(void **state)
{
    static const char *const created[] = { "customer_id", "customer_code", "customer_name", "created_time" };
    static const char *const updated[] = { "customer_id", "updated_time" };
    (void)state;
    assert_view(&customer_resource, VIEW_CREATED, created, COUNT(created));
    assert_view(&customer_resource, VIEW_UPDATED, updated, COUNT(updated));
}

static void test_customer_filters_sorts_and_searches(void **state)
{
    static const char *const filters[] = { "customer_type", "customer_level", "industry_id", "company_size",
                                           "region_id",     "source_channel", "status",      "created_by" };
    static const char *const sorts[] = { "customer_code", "customer_name", "created_time", "updated_time" };
    static const char *const words[] = { "customer_code", "customer_name", "primary_contact", "phone", "email" };
    static const char *const pinyin[] = { "customer_name" }, *const exact[] = { "phone", "email" };
    (void)state;
    assert_flagged(&customer_resource, F_FILTER, filters, COUNT(filters));
    assert_flagged(&customer_resource, F_SORT, sorts, COUNT(sorts));
    assert_flagged(&customer_resource, F_SEARCH, words, COUNT(words));
    assert_flagged(&customer_resource, F_PINYIN, pinyin, COUNT(pinyin));
    assert_flagged(&customer_resource, F_EXACT, exact, COUNT(exact));
    assert_int_equal(customer_resource.sort, CUSTOMER_created_time);
    assert_false(customer_resource.sort_ascending);
    assert_int_equal(customer_resource.dates, CUSTOMER_created_time);
}

static void test_customer_secrets_and_required_fields(void **state)
{
    static const char *const secrets[] = { "phone", "email", "address", "credit_limit" };
    static const char *const required[] = { "customer_name", "customer_type" }, *const unique[] = { "customer_code" };
    (void)state;
    assert_flagged(&customer_resource, F_SECRET, secrets, COUNT(secrets));
    assert_flagged(&customer_resource, F_REQUIRED, required, COUNT(required));
    assert_flagged(&customer_resource, F_UNIQUE, unique, COUNT(unique));
}

static void test_customer_fields_have_types_and_limits(void **state)
{
    static const struct {
        int field;
        enum field_type type;
        int min, max;
    } rows[] = {
        { CUSTOMER_customer_id, T_UUID, 36, 36 },   { CUSTOMER_customer_code, T_CODE, 1, 50 },
        { CUSTOMER_customer_name, T_TEXT, 1, 200 }, { CUSTOMER_customer_type, T_ENUM, 0, 0 },
        { CUSTOMER_phone, T_PHONE, 0, 32 },         { CUSTOMER_email, T_EMAIL, 0, 254 },
        { CUSTOMER_address, T_TEXT, 0, 500 },       { CUSTOMER_credit_limit, T_MONEY, 0, 0 },
        { CUSTOMER_tags, T_TAGS, 0, 20 },           { CUSTOMER_description, T_TEXT, 0, 5000 },
        { CUSTOMER_created_time, T_TIME, 0, 25 },   { CUSTOMER_version, T_INT, 1, INT32_MAX },
        { CUSTOMER_payment_terms, T_TEXT, 0, 100 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct field *f = &customer_resource.fields[rows[i].field];
        assert_int_equal(f->type, rows[i].type);
        assert_int_equal(f->min, rows[i].min);
        assert_int_equal(f->max, rows[i].max);
    }
    assert_int_equal(customer_resource.fields[CUSTOMER_tags].item_max, 32);
    assert_true(customer_resource.fields[CUSTOMER_description].flags & F_MULTILINE);
    assert_str(customer_resource.fields[CUSTOMER_status].fallback, "活跃");
    assert_true(str_is_none(customer_resource.fields[CUSTOMER_customer_level].fallback));
}

static void test_customer_references_and_their_names(void **state)
{
    static const struct {
        int field, name;
        const char *table, *id, *column;
    } rows[] = {
        { CUSTOMER_industry_id, CUSTOMER_industry_name, "industries", "industry_id", "industry_name" },
        { CUSTOMER_region_id, CUSTOMER_region_name, "regions", "region_id", "region_name" },
        { CUSTOMER_created_by, CUSTOMER_created_by_name, "user_ref", "user_id", "name" },
        { CUSTOMER_updated_by, CUSTOMER_updated_by_name, "user_ref", "user_id", "name" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ref *ref = customer_resource.fields[rows[i].field].ref;
        assert_string_equal(ref->table, rows[i].table);
        assert_string_equal(ref->id, rows[i].id);
        assert_string_equal(ref->name, rows[i].column);
        assert_null(ref->owner);
        assert_int_equal(customer_resource.fields[rows[i].name].from, rows[i].field);
        assert_int_equal(customer_resource.fields[rows[i].name].flags, F_READONLY | F_JOINED);
    }
    assert_string_equal(customer_resource.fields[CUSTOMER_primary_contact_id].ref->owner, "customer_id");
    assert_int_equal(customer_resource.fields[CUSTOMER_primary_contact].from, -1);
}

/* --- every stored resource ---------------------------------------------------------------------------------------- */
static void test_stored_resources_share_their_audit_columns(void **state)
{
    static const char *const names[] = { "created_by", "created_time", "updated_by", "updated_time", "version" };
    (void)state;
    for (size_t i = 0; i < COUNT(stored); i++) {
        for (size_t j = 0; j < COUNT(names); j++) assert_true(field_named(stored[i], names[j])->flags & F_READONLY);
        assert_str(stored[i]->fields[stored[i]->version].name, "version");
        assert_int_equal(stored[i]->version, stored[i]->field_count - 1);
        assert_int_equal(stored[i]->id, 0);
        assert_int_equal(stored[i]->views[VIEW_DETAIL].count, stored[i]->field_count);
    }
}

static void test_secrets_are_neither_filtered_nor_sorted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stored); i++)
        for (size_t j = 0; j < stored[i]->field_count; j++) {
            unsigned flags = stored[i]->fields[j].flags;
            assert_false((flags & F_SECRET) && (flags & (F_FILTER | F_SORT)));
        }
}

static void test_deletion_time_is_never_shown(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stored); i++)
        for (size_t j = 0; j < stored[i]->field_count; j++)
            assert_false(str_is(stored[i]->fields[j].name, "deleted_time"));
}

static void test_a_message_has_no_table(void **state)
{
    (void)state;
    assert_null(login_resource.table);
    assert_int_equal(login_resource.id, -1);
    assert_int_equal(login_resource.field_count, 2);
    assert_int_equal(login_resource.fields[LOGIN_password].flags, F_REQUIRED | F_SECRET);
}

/* --- dictionaries ------------------------------------------------------------------------------------------------- */
static void test_dictionaries_hold_the_documents_words(void **state)
{
    static const struct {
        const struct dictionary *dictionary;
        const char *code, *label;
    } rows[] = {
        { &dictionary_customer_type, "ENTERPRISE", "企业" }, { &dictionary_customer_level, "A", "A" },
        { &dictionary_company_size, "LARGE", "大型" },       { &dictionary_source_channel, "EXHIBITION", "展会" },
        { &dictionary_customer_status, "ACTIVE", "活跃" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_str(dictionary_label(rows[i].dictionary, str_of(rows[i].code)), rows[i].label);
        assert_str(dictionary_label(rows[i].dictionary, str_of(rows[i].label)), rows[i].label);
    }
    assert_true(str_is_none(dictionary_label(&dictionary_customer_type, STR("外星人"))));
    assert_ptr_equal(customer_resource.fields[CUSTOMER_status].dictionary, &dictionary_customer_status);
    for (size_t i = 0; i < dictionary_count; i++) assert_true(dictionaries[i]->count > 1);
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
    static const char *const operations[] = { "login", "getJwks", "listErrors" };
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < registry.count; i++) {
        if (registry.rows[i].permission != PERM_PUBLIC) continue;
        assert_true(n < COUNT(operations));
        assert_str(registry.rows[i].operation, operations[n++]);
    }
    assert_int_equal(n, COUNT(operations));
}

static void test_writes_are_audited_and_reads_are_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < registry.count; i++)
        assert_int_equal(registry.rows[i].audited, registry.rows[i].method != METHOD_GET);
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
    static const struct str *const documents[] = { &auth_service_openapi, &customer_service_openapi };
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
        cmocka_unit_test(test_customer_list_has_the_fields_of_3_1_1),
        cmocka_unit_test(test_customer_detail_has_the_fields_of_3_1_2_and_version),
        cmocka_unit_test(test_customer_create_takes_the_fields_of_3_1_3),
        cmocka_unit_test(test_customer_writes_answer_as_in_3_1_3_and_3_1_4),
        cmocka_unit_test(test_customer_filters_sorts_and_searches),
        cmocka_unit_test(test_customer_secrets_and_required_fields),
        cmocka_unit_test(test_customer_fields_have_types_and_limits),
        cmocka_unit_test(test_customer_references_and_their_names),
        cmocka_unit_test(test_stored_resources_share_their_audit_columns),
        cmocka_unit_test(test_secrets_are_neither_filtered_nor_sorted),
        cmocka_unit_test(test_deletion_time_is_never_shown),
        cmocka_unit_test(test_a_message_has_no_table),
        cmocka_unit_test(test_dictionaries_hold_the_documents_words),
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
