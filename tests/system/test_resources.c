/* What holds for every stored resource alike, whatever its schema says: contract.md, Lists, Values and Writes. What customers
 * have of their own is in test_customer_*.c. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <string.h>

static const struct kind {
    const char *collection, *table, *id, *name, *needed; /* further members of a create, each with a unique value */
    const char *sorts;
} kinds[] = {
    { "/api/v1/customers", "customers", "customer_id", "customer_name", ",\"customer_type\":\"企业\",\"customer_code\":\"%s\"",
      "customer_code, customer_name, created_time, updated_time" },
    { "/api/v1/contacts", "contacts", "contact_id", "contact_name", ",\"wechat\":\"%s\"",
      "contact_name, created_time, updated_time" },
    { "/api/v1/industries", "industries", "industry_id", "industry_name", ",\"industry_code\":\"%s\"",
      "industry_code, industry_name, sort_order, created_time, updated_time" },
    { "/api/v1/regions", "regions", "region_id", "region_name", ",\"region_code\":\"%s\"",
      "region_code, region_name, sort_order, created_time, updated_time" },
};
#define EACH(k) (const struct kind *k = kinds; k < kinds + COUNT(kinds); k++)

static char *body_of(const struct kind *k, const char *name, const char *more)
{
    char *format = text("{\"%s\":\"%s\"%s%s}", k->name, name, k->needed, more);
    const char *place = strstr(format, "%s");
    return text("%.*s%s%s", (int)(place - format), format, unique("R"), place + 2);
}

static char *made(const struct kind *k, const char *name)
{
    struct reply *r = expect_status(POST(k->collection, body_of(k, name, ",\"description\":\"旧\"")), 200);
    return text("%s/%s", k->collection, text_at(r, text("data.%s", k->id)));
}

static const char *etag_of(const char *path)
{
    return text("%s", header(expect_status(GET(path), 200), "ETag"));
}

static struct reply *found(const struct kind *k, const char *keyword)
{
    return expect_status(GET(text("%s?keyword=%s", k->collection, encoded(keyword))), 200);
}

/* --- writes ------------------------------------------------------------------------------------------------------- */

static void test_every_resource_answers_a_create_with_its_location(void **state)
{
    (void)state;
    for EACH(k) {
        struct reply *r = expect_status(POST(k->collection, body_of(k, unique("名"), "")), 200);
        const char *id = text_at(r, text("data.%s", k->id));
        assert_string_equal(header(r, "Location"), text("%s/%s", k->collection, id));
        assert_int_equal(id[14], '7'); /* UUID version 7 */
        assert_non_null(text_at(r, "data.created_time"));
        assert_string_equal(header(r, "ETag"), etag_of(header(r, "Location")));
    }
}

static void test_every_resource_merges_and_null_clears(void **state)
{
    (void)state;
    static const char *const methods[] = { "PUT", "PATCH" };
    for EACH(k)
        for (size_t i = 0; i < COUNT(methods); i++) {
            const char *name = unique("名");
            char *path = made(k, name);
            struct reply *r = expect_status(call(methods[i], path, "{\"description\":null}", NULL), 200);
            assert_string_equal(keys_at(r, "data"), text("%s,updated_time", k->id));
            r = GET(path);
            expect_text(r, "data.description", NULL);
            expect_text(r, text("data.%s", k->name), name);
            expect_number(r, "data.version", 2);
            expect_error(call(methods[i], path, text("{\"%s\":null}", k->name), NULL), 400, "INVALID_FIELD", k->name);
        }
}

static void test_every_resource_takes_back_what_was_read(void **state)
{
    (void)state;
    for EACH(k) {
        char *path = made(k, unique("名"));
        struct reply *before = GET(path);
        const char *data = strstr(before->body, "\"data\":") + 7;
        expect_status(PUT(path, text("%.*s", (int)strlen(data) - 1, data)), 200);
        struct reply *after = GET(path);
        expect_number(after, "data.version", 2);
        static const char *const same[] = { "created_by", "created_time", "description" };
        for (size_t i = 0; i < COUNT(same); i++)
            expect_text(after, text("data.%s", same[i]), text_at(before, text("data.%s", same[i])));
    }
}

static void test_every_resource_refuses_fields_that_are_not_the_clients(void **state)
{
    (void)state;
    static const char more[] = ",\"colour\":\"red\",\"version\":1,\"created_by\":\"" UUID_ABSENT
                               "\",\"created_time\":\"2023-01-01 10:00:00\",\"updated_by_name\":\"x\"";
    for EACH(k) {
        expect_error(POST(k->collection, body_of(k, unique("名"), more)), 400, "INVALID_FIELD",
                     "colour,version,created_by,created_time,updated_by_name");
        expect_error(POST(k->collection, body_of(k, unique("名"), text(",\"%s\":\"%s\"", k->id, UUID_ABSENT))), 400,
                     "INVALID_FIELD", k->id);
        expect_error(PUT(made(k, unique("名")), "{\"colour\":\"red\"}"), 400, "INVALID_FIELD", "colour");
        expect_error(POST(k->collection, text("{\"%s\":\"a\",\"%s\":\"b\"}", k->name, k->name)), 400, "BAD_JSON", NULL);
    }
}

static void test_every_resource_has_versions(void **state)
{
    (void)state;
    for EACH(k) {
        char *path = made(k, unique("名"));
        const char *old = etag_of(path);
        expect_status(call("GET", path, NULL, text("If-None-Match: %s", old), NULL), 304);
        expect_status(call("PUT", path, "{\"description\":\"新\"}", text("If-Match: %s", old), NULL), 200);
        expect_status(call("GET", path, NULL, text("If-None-Match: %s", old), NULL), 200);
        static const char *const methods[] = { "PUT", "PATCH", "DELETE" };
        for (size_t i = 0; i < COUNT(methods); i++) {
            struct reply *r = call(methods[i], path, *methods[i] == 'P' ? "{}" : NULL, text("If-Match: %s", old), NULL);
            expect_error(r, 412, "VERSION_CONFLICT", "");
            expect_text(r, "current.description", "新");
        }
        expect_status(call("DELETE", path, NULL, text("If-Match: %s", etag_of(path)), NULL), 200);
    }
}

static void test_every_resource_replays_an_idempotency_key(void **state)
{
    (void)state;
    for EACH(k) {
        char *key = text("Idempotency-Key: %s", unique("key")), *body = body_of(k, unique("名"), "");
        struct reply *first = expect_status(call("POST", k->collection, body, key, NULL), 200);
        struct reply *again = expect_status(call("POST", k->collection, body, key, NULL), 200);
        assert_string_equal(first->body, again->body);
        assert_null(header(first, "Idempotent-Replayed"));
        assert_string_equal(header(again, "Idempotent-Replayed"), "true");
        expect_error(call("POST", k->collection, body_of(k, unique("名"), ""), key, NULL), 422, "IDEMPOTENCY_KEY_REUSED",
                     "");
    }
}

static void test_every_resource_can_be_tried(void **state)
{
    (void)state;
    for EACH(k) {
        char *path = made(k, unique("名")), *gone = made(k, unique("名"));
        expect_status(DELETE(gone), 200);
        const char *sum = text("SELECT count(*) * 1000 + sum(version) FROM %s", k->table);
        long before = sql_count(stack.customer_db, "%s", sum);
        struct reply *tried = POST(text("%s?dry_run=true", k->collection), body_of(k, unique("试"), ""));
        expect_status(tried, 200);
        assert_null(header(tried, "Location")); /* of a record that does not exist */
        expect_status(PUT(text("%s?dry_run=true", path), "{\"description\":\"试\"}"), 200);
        expect_status(PATCH(text("%s?dry_run=true", path), "{\"description\":\"试\"}"), 200);
        expect_status(DELETE(text("%s?dry_run=true", path)), 200);
        expect_status(POST(text("%s/restore?dry_run=true", gone), "{}"), 200);
        expect_error(PUT(text("%s?dry_run=true", path), text("{\"%s\":\"\"}", k->name)), 400, "INVALID_FIELD", k->name);
        assert_int_equal(sql_count(stack.customer_db, "%s", sum), before);
        expect_text(GET(path), "data.description", "旧");
        expect_status(GET(gone), 404);
    }
}

static void test_every_resource_is_deleted_logically_and_restored(void **state)
{
    (void)state;
    for EACH(k) {
        const char *name = unique("名");
        char *path = made(k, name), *restore = text("%s/restore", path);
        expect_error(POST(restore, "{}"), 409, "STATE_CONFLICT", NULL);
        expect_status(DELETE(path), 200);
        expect_error(GET(path), 404, "NOT_FOUND", "");
        expect_error(PUT(path, "{}"), 404, "NOT_FOUND", "");
        expect_error(DELETE(path), 404, "NOT_FOUND", "");
        expect_number(found(k, name), "data.total", 0);
        expect_error(POST(restore, "{\"x\":1}"), 400, "INVALID_FIELD", "x");
        expect_error(POST(restore, "[]"), 400, "INVALID_FIELD", "body");
        expect_error(POST(restore, "{\"x\":1"), 400, "BAD_JSON", NULL);
        expect_status(POST(restore, "{}"), 200);
        expect_text(GET(path), text("data.%s", k->name), name);
        expect_number(found(k, name), "data.total", 1);
        expect_error(POST(text("%s/%s/restore", k->collection, UUID_ABSENT), "{}"), 404, "NOT_FOUND", "");
    }
}

static void test_every_resource_tells_a_bad_id_from_an_unknown_one(void **state)
{
    (void)state;
    for EACH(k) {
        const char *const bad = text("%s/1", k->collection), *absent = text("%s/%s", k->collection, UUID_ABSENT);
        expect_error(GET(bad), 400, "INVALID_FIELD", k->id);
        expect_error(PATCH(bad, "{}"), 400, "INVALID_FIELD", k->id);
        expect_error(DELETE(bad), 400, "INVALID_FIELD", k->id);
        expect_error(POST(text("%s/restore", bad), "{}"), 400, "INVALID_FIELD", k->id);
        expect_error(GET(absent), 404, "NOT_FOUND", "");
        expect_error(PATCH(absent, "{}"), 404, "NOT_FOUND", "");
        expect_error(DELETE(absent), 404, "NOT_FOUND", "");
    }
}

static void test_every_resource_tells_what_it_allows(void **state)
{
    (void)state;
    for EACH(k) {
        struct reply *r = PUT(k->collection, "{}");
        expect_error(r, 405, "METHOD_NOT_ALLOWED", "");
        expect(strstr(header(r, "Allow"), "GET") && strstr(header(r, "Allow"), "POST"), "%s", r->head);
        r = POST(text("%s/%s", k->collection, UUID_ABSENT), "{}");
        expect_error(r, 405, "METHOD_NOT_ALLOWED", "");
        static const char *const methods[] = { "GET", "PUT", "PATCH", "DELETE" };
        for (size_t i = 0; i < COUNT(methods); i++) expect(strstr(header(r, "Allow"), methods[i]), "%s", r->head);
    }
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static void test_every_list_pages_through_a_keyword(void **state)
{
    (void)state;
    for EACH(k) {
        const char *word = unique("翻页");
        for (int i = 0; i < 3; i++) made(k, text("%s#%d", word, i));
        const char *query = text("%s?keyword=%s&sort=%s&order=asc&size=2", k->collection, encoded(word), k->name);
        struct reply *r = expect_status(GET(text("%s&page=2", query)), 200);
        expect_number(r, "data.total", 3);
        expect_number(r, "data.pages", 2);
        expect_number(r, "data.current", 2);
        expect_number(r, "data.size", 2);
        expect_text(r, text("data.records.0.%s", k->name), text("%s#2", word));
        expect_number(GET(text("%s&page=3", query)), "data.total", 3);
        r = GET(text("%s&cursor=%s", query, text_at(GET(query), "data.next_cursor")));
        expect_text(r, text("data.records.0.%s", k->name), text("%s#2", word));
    }
}

static void test_every_list_sorts_by_its_fields_and_no_other(void **state)
{
    (void)state;
    for EACH(k) {
        char *rest = text("%s", k->sorts);
        for (char *field; (field = strsep(&rest, ","));) {
            field += *field == ' ';
            expect_status(GET(text("%s?sort=%s&order=asc&size=1", k->collection, field)), 200);
            expect_status(GET(text("%s?sort=%s&order=desc&size=1", k->collection, field)), 200);
        }
        struct reply *r = GET(text("%s?sort=description", k->collection));
        expect_error(r, 400, "INVALID_FIELD", "sort");
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(detail_of(r, "sort"), "allowed")), k->sorts);
    }
}

static void test_every_list_refuses_bad_parameters_at_once(void **state)
{
    (void)state;
    for EACH(k) {
        expect_error(GET(text("%s?page=0&size=201&sort=x&order=up&total=all&keyword=&colour=red", k->collection)), 400,
                     "INVALID_FIELD", "page,size,sort,order,total,keyword,colour");
        expect_error(GET(text("%s?page=1&page=1", k->collection)), 400, "INVALID_FIELD", "page");
        expect_error(GET(text("%s?cursor=x", k->collection)), 400, "INVALID_FIELD", "cursor");
    }
}

static void test_every_list_finds_names_by_chinese_and_pinyin(void **state)
{
    (void)state;
    static const char *const words[] = { "北京药业", "药业", "beijingyaoye", "bjyy" };
    for EACH(k) {
        char *path = made(k, text("北京药业%s", unique("#")));
        for (size_t i = 0; i < COUNT(words); i++) {
            struct reply *r =
                GET(text("%s?sort=created_time&order=desc&size=1&keyword=%s", k->collection, encoded(words[i])));
            const char *newest = text_at(expect_status(r, 200), text("data.records.0.%s", k->id));
            expect(newest && strstr(path, newest), "%s: %s", r->what, r->body);
        }
    }
}

static void test_contacts_are_listed_by_the_day_they_were_created(void **state)
{
    (void)state;
    char *id = customer("某", NULL), *owner = text("\"customer_id\":\"%s\"", id);
    static const char *const times[] = { "2023-02-28 23:59:59", "2023-03-01 23:59:59", "2023-03-02 00:00:00" };
    for (size_t i = 0; i < COUNT(times); i++)
        sql(stack.customer_db, "UPDATE contacts SET created_time = '%s+08' WHERE contact_id = '%s'", times[i],
            contact("张三", owner));
    struct reply *r = GET(text("/api/v1/contacts?customer_id=%s&start_date=2023-03-01&end_date=2023-03-01", id));
    expect_number(expect_status(r, 200), "data.total", 1);
    expect_text(r, "data.records.0.created_time", times[1]);
    expect_error(GET("/api/v1/contacts?start_date=2023-03-02&end_date=2023-03-01"), 400, "INVALID_FIELD", "start_date");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_resource_answers_a_create_with_its_location),
        cmocka_unit_test(test_every_resource_merges_and_null_clears),
        cmocka_unit_test(test_every_resource_takes_back_what_was_read),
        cmocka_unit_test(test_every_resource_refuses_fields_that_are_not_the_clients),
        cmocka_unit_test(test_every_resource_has_versions),
        cmocka_unit_test(test_every_resource_replays_an_idempotency_key),
        cmocka_unit_test(test_every_resource_can_be_tried),
        cmocka_unit_test(test_every_resource_is_deleted_logically_and_restored),
        cmocka_unit_test(test_every_resource_tells_a_bad_id_from_an_unknown_one),
        cmocka_unit_test(test_every_resource_tells_what_it_allows),
        cmocka_unit_test(test_every_list_pages_through_a_keyword),
        cmocka_unit_test(test_every_list_sorts_by_its_fields_and_no_other),
        cmocka_unit_test(test_every_list_refuses_bad_parameters_at_once),
        cmocka_unit_test(test_every_list_finds_names_by_chinese_and_pinyin),
        cmocka_unit_test(test_contacts_are_listed_by_the_day_they_were_created),
    };
    return system_main("resources", tests, COUNT(tests));
}
