/* Industries, regions, dictionaries, the error catalogue, and what every service tells about itself: contract.md,
 * Resources. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- industries and regions --------------------------------------------------------------------------------------- */

static const struct kind {
    const char *collection, *table, *id, *code, *name, *list_keys;
} kinds[] = {
    { "/api/v1/industries", "industries", "industry_id", "industry_code", "industry_name",
      "industry_id,industry_code,industry_name,parent_id,sort_order" },
    { "/api/v1/regions", "regions", "region_id", "region_code", "region_name",
      "region_id,region_code,region_name,parent_id,level,sort_order" },
};

static char *body_of(const struct kind *k, const char *code, const char *name)
{
    return text("{\"%s\":\"%s\",\"%s\":\"%s\"}", k->code, code, k->name, name);
}

static char *path_of(const struct kind *k, struct reply *created)
{
    expect_status(created, 200);
    return text("%s/%s", k->collection, text_at(created, text("data.%s", k->id)));
}

static void test_reference_data_has_create_read_update_delete_restore(void **state)
{
    (void)state;
    for (const struct kind *k = kinds; k < kinds + COUNT(kinds); k++) {
        const char *code = unique("RD"), *name = unique("名");
        struct reply *made = POST(k->collection, body_of(k, code, name));
        char *path = path_of(k, made);
        assert_string_equal(header(made, "Location"), path);
        assert_string_equal(keys_at(made, "data"), text("%s,%s,%s,created_time", k->id, k->code, k->name));
        expect_text(GET(path), text("data.%s", k->name), name);
        expect_status(PUT(path, "{\"sort_order\":7,\"description\":\"一\\n二\"}"), 200);
        expect_number(GET(path), "data.sort_order", 7);
        expect_number(GET(path), "data.version", 2);
        expect_status(DELETE(path), 200);
        expect_error(GET(path), 404, "NOT_FOUND", "");
        expect_status(POST(text("%s/restore", path), "{}"), 200);
        expect_text(GET(path), text("data.%s", k->code), code);
    }
}

static void test_reference_data_reports_bad_fields(void **state)
{
    (void)state;
    for (const struct kind *k = kinds; k < kinds + COUNT(kinds); k++) {
        expect_error(POST(k->collection, "{\"sort_order\":-1,\"parent_id\":\"x\",\"version\":1}"), 400, "INVALID_FIELD",
                     text("%s,%s,sort_order,parent_id,version", k->code, k->name));
        expect_error(POST(k->collection,
                          text("{\"%s\":\"%s\",\"%s\":\"x\",\"sort_order\":1.5}", k->code, unique("RD"), k->name)),
                     400, "INVALID_FIELD", "sort_order");
        expect_error(POST(k->collection, text("{\"%s\":\"%s\",\"%s\":\"%s\",\"parent_id\":\"" UUID_ABSENT "\"}",
                                              k->code, unique("RD"), k->name, unique("名"))),
                     422, "BAD_REFERENCE", "parent_id");
    }
}

static void test_reference_data_codes_are_unique_with_existing_id(void **state)
{
    (void)state;
    for (const struct kind *k = kinds; k < kinds + COUNT(kinds); k++) {
        const char *code = unique("RD");
        char *path = path_of(k, POST(k->collection, body_of(k, code, unique("名"))));
        struct reply *r = POST(k->collection, body_of(k, code, unique("名")));
        expect_error(r, 409, "DUPLICATE", k->code);
        expect(strstr(path, cJSON_GetStringValue(cJSON_GetObjectItem(detail_of(r, k->code), "existing_id"))), "%s",
               r->body);
        expect_status(DELETE(path), 200);
        expect_status(POST(k->collection, body_of(k, code, unique("名"))), 200);
    }
}

static void test_a_duplicate_always_names_the_existing_record(void **state)
{
    (void)state;
    for (const struct kind *k = kinds; k < kinds + COUNT(kinds); k++) {
        const char *name = unique("名");
        char *first = path_of(k, POST(k->collection, body_of(k, unique("RD"), name)));
        struct reply *r = POST(k->collection, body_of(k, unique("RD"), name));
        if (r->status == 200) continue; /* names may repeat */
        expect_error(r, 409, "DUPLICATE", k->name);
        const char *existing = cJSON_GetStringValue(cJSON_GetObjectItem(detail_of(r, k->name), "existing_id"));
        expect(existing && strstr(first, existing), "%s", r->body);
    }
}

static void test_reference_data_lists_by_sort_order_and_parent(void **state)
{
    (void)state;
    for (const struct kind *k = kinds; k < kinds + COUNT(kinds); k++) {
        char *parent = strrchr(path_of(k, POST(k->collection, body_of(k, unique("RD"), unique("上级")))), '/') + 1;
        const char *const orders[] = { "30", "10", "20" };
        for (size_t i = 0; i < COUNT(orders); i++)
            expect_status(
                POST(k->collection, text("{\"%s\":\"%s\",\"%s\":\"%s\",\"parent_id\":\"%s\",\"sort_order\":%s}",
                                         k->code, unique("RD"), k->name, unique("下级"), parent, orders[i])),
                200);
        struct reply *r = expect_status(GET(text("%s?parent_id=%s", k->collection, parent)), 200);
        assert_string_equal(keys_at(r, "data.records.0"), k->list_keys);
        expect_number(r, "data.total", 3);
        for (int i = 0; i < 3; i++) expect_number(r, text("data.records.%d.sort_order", i), 10 * (i + 1));
        expect_error(GET(text("%s?start_date=2023-01-01", k->collection)), 400, "INVALID_FIELD", "start_date");
    }
}

static void test_reference_data_trees_have_no_cycles(void **state)
{
    (void)state;
    for (const struct kind *k = kinds; k < kinds + COUNT(kinds); k++) {
        char *top = path_of(k, POST(k->collection, body_of(k, unique("RD"), unique("上级"))));
        char *below = path_of(k, POST(k->collection, body_of(k, unique("RD"), unique("下级"))));
        char *top_id = strrchr(top, '/') + 1, *below_id = strrchr(below, '/') + 1;
        expect_status(PUT(below, text("{\"parent_id\":\"%s\"}", top_id)), 200);
        expect_error(PUT(top, text("{\"parent_id\":\"%s\"}", top_id)), 422, "RULE_VIOLATED", "parent_id");
        expect_error(PUT(top, text("{\"parent_id\":\"%s\"}", below_id)), 422, "RULE_VIOLATED", "parent_id");
        expect_text(GET(below), "data.parent_id", top_id);
    }
}

static void test_installation_has_industries_of_the_standard_and_of_pharma(void **state)
{
    (void)state;
    const char *const names[] = { "医药行业", "化学药", "医药制造业", "制造业", "采矿业", "软件和信息技术服务业" };
    for (size_t i = 0; i < COUNT(names); i++) {
        struct reply *r = expect_status(GET(text("/api/v1/industries?size=200&keyword=%s", encoded(names[i]))), 200);
        expect(has_text(r, text("\"industry_name\":\"%s\"", names[i])), "%s: %s", names[i], r->body);
    }
}

static void test_installation_has_a_tree_of_regions(void **state)
{
    (void)state;
    char *area =
        sql(stack.customer_db, "SELECT region_id FROM regions WHERE region_name LIKE '华北%%' AND created_by IS NULL");
    expect_text(GET(text("/api/v1/regions/%s", area)), "data.level", "大区");
    struct reply *r = expect_status(GET(text("/api/v1/regions?parent_id=%s&size=200", area)), 200);
    assert_true(number_at(r, "data.total") >= 5);
    expect_text(r, "data.records.0.level", "省级");
}

/* What the migrations brought is found like what is typed in: the same pinyin that the service writes. */
static void test_installed_pinyin_is_what_the_service_writes(void **state)
{
    (void)state;
    for (const struct kind *k = kinds; k < kinds + COUNT(kinds); k++) {
        char *dry = text("SELECT string_agg(%s || ' ' || %s || ' ' || pinyin, '|' ORDER BY %s) FROM %s WHERE "
                         "created_by IS NULL AND deleted_time IS NULL",
                         k->id, k->name, k->id, k->table);
        char *rest = sql(stack.customer_db, "%s", dry), wrong[4096] = "";
        assert_true(strlen(rest) > 1000);
        for (char *row; (row = strsep(&rest, "|"));) {
            char *id = strsep(&row, " "), *name = strsep(&row, " ");
            char *path = path_of(k, POST(k->collection, body_of(k, unique("PY"), text("%s甲", name)))),
                 *made = strrchr(path, '/') + 1;
            char *fresh = sql(stack.customer_db, "SELECT pinyin FROM %s WHERE %s = '%s'", k->table, k->id, made);
            char *full = strsep(&fresh, " "),
                 *want = text("%.*s %.*s", (int)strlen(full) - 3, full, (int)strlen(fresh) - 1, fresh);
            expect_status(DELETE(path), 200);
            if (strcmp(row, want))
                snprintf(wrong + strlen(wrong), sizeof wrong - strlen(wrong), "  %s %s: %s, written %s\n", id, name,
                         row, want);
        }
        expect(!*wrong, "pinyin of %s:\n%s", k->table, wrong);
    }
}

/* --- dictionaries and errors -------------------------------------------------------------------------------------- */

static void test_dictionaries_list_codes_and_labels(void **state)
{
    (void)state;
    as(user_with_role("")); /* for anybody who has logged in */
    struct reply *r = expect_status(GET("/api/v1/dictionaries/customer_type"), 200);
    assert_string_equal(keys_at(r, "data"), "type,title,items");
    expect_text(r, "data.type", "customer_type");
    expect_text(r, "data.title", "客户类型");
    expect_text(r, "data.items.0.code", "ENTERPRISE");
    expect_text(r, "data.items.0.label", "企业");
    expect_error(GET("/api/v1/dictionaries/nothing"), 404, "NOT_FOUND", "");
    const char *const types[] = { "customer_type",  "customer_level", "company_size", "customer_status",
                                  "source_channel", "gender",         "region_level" };
    r = expect_status(GET("/api/v1/dictionaries"), 200);
    for (size_t i = 0; i < COUNT(types); i++) {
        expect(has_text(r, text("\"type\":\"%s\"", types[i])), "%s", types[i]);
        expect_text(GET(text("/api/v1/dictionaries/%s", types[i])), "data.type", types[i]);
    }
}

static void test_errors_are_listed_and_their_slugs_unique(void **state)
{
    (void)state;
    as(NULL);
    struct reply *r = expect_status(GET("/api/v1/errors"), 200);
    int n = cJSON_GetArraySize(at(r, "data"));
    assert_true(n >= 25);
    for (int i = 0; i < n; i++) {
        const char *slug = text_at(r, text("data.%d.error", i));
        expect(slug && number_at(r, text("data.%d.status", i)) >= 400, "entry %d: %.300s", i, r->body);
        expect(*text_at(r, text("data.%d.message_zh", i)) && *text_at(r, text("data.%d.message_en", i)),
               "%s has no message", slug);
        for (int j = 0; j < i; j++) assert_string_not_equal(slug, text_at(r, text("data.%d.error", j)));
    }
    const char *const slugs[] = { "INVALID_FIELD", "BAD_JSON",         "NOT_FOUND",
                                  "DUPLICATE",     "VERSION_CONFLICT", "IDEMPOTENCY_KEY_REUSED",
                                  "BAD_REFERENCE" };
    for (size_t i = 0; i < COUNT(slugs); i++) expect(has_text(r, text("\"%s\"", slugs[i])), "%s", slugs[i]);
}

/* --- what a service tells about itself ---------------------------------------------------------------------------- */

static char *file_text(const char *path)
{
    FILE *f = fopen(path, "r");
    expect(f, "%s", path);
    char *all = NULL;
    size_t size = 0;
    ssize_t n = getdelim(&all, &size, 0, f);
    fclose(f);
    expect(n > 0, "%s is empty", path);
    return pool_keep(all, free);
}

static void test_services_publish_the_committed_openapi_document(void **state)
{
    (void)state;
    as(NULL);
    const char *const services[][2] = { { stack.customer_url, "customer-service" },
                                        { stack.auth_url, "auth-service" } };
    for (size_t i = 0; i < COUNT(services); i++) {
        struct reply *r = expect_status(GET(text("%s/openapi.json", services[i][0])), 200);
        expect(!strncmp(text_at(r, "openapi"), "3.0.", 4), "%s", text_at(r, "openapi"));
        cJSON *committed = pool_keep(cJSON_Parse(file_text(text("docs/openapi/%s.json", services[i][1]))),
                                     (void (*)(void *))cJSON_Delete);
        assert_true(cJSON_Compare(r->json, committed, true));
    }
}

static void test_services_tell_health_readiness_and_metrics(void **state)
{
    (void)state;
    as(NULL);
    const char *const urls[] = { stack.customer_url, stack.auth_url };
    for (size_t i = 0; i < COUNT(urls); i++) {
        expect_status(GET(text("%s/healthz", urls[i])), 200);
        expect_status(GET(text("%s/readyz", urls[i])), 200);
        struct reply *r = expect_status(GET(text("%s/metrics", urls[i])), 200);
        expect(has_text(r, "# TYPE ") && !strncmp(header(r, "Content-Type"), "text/plain", 10), "%s", r->body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_data_has_create_read_update_delete_restore),
        cmocka_unit_test(test_reference_data_reports_bad_fields),
        cmocka_unit_test(test_reference_data_codes_are_unique_with_existing_id),
        cmocka_unit_test(test_a_duplicate_always_names_the_existing_record),
        cmocka_unit_test(test_reference_data_lists_by_sort_order_and_parent),
        cmocka_unit_test(test_reference_data_trees_have_no_cycles),
        cmocka_unit_test(test_installation_has_industries_of_the_standard_and_of_pharma),
        cmocka_unit_test(test_installation_has_a_tree_of_regions),
        cmocka_unit_test(test_installed_pinyin_is_what_the_service_writes),
        cmocka_unit_test(test_dictionaries_list_codes_and_labels),
        cmocka_unit_test(test_errors_are_listed_and_their_slugs_unique),
        cmocka_unit_test(test_services_publish_the_committed_openapi_document),
        cmocka_unit_test(test_services_tell_health_readiness_and_metrics),
    };
    return system_main("reference data", tests, COUNT(tests));
}
