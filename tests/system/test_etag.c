/* Versions, ETag, If-Match and If-None-Match: contract.md, Writes; RFC 9110, sections 8.8.3 and 13.1. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "replica.h"
#include "stack.h"

#include <string.h>

static struct reply *with_match(const char *method, const char *path, const char *body, const char *tags)
{
    return call(method, path, body, text("If-Match: %s", tags), NULL);
}

static char *etag_of(const char *path)
{
    const char *tag = header(expect_status(GET(path), 200), "ETag");
    expect(tag && tag[0] == '"' && tag[strlen(tag) - 1] == '"', "ETag %s", tag ? tag : "(none)");
    return text("%s", tag);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void test_unchanged_record_is_not_modified(void **state)
{
    (void)state;
    char *path = customer_path(customer("某", NULL)), *tag = etag_of(path);
    const char *const matching[] = { tag, text("\"other\", %s", tag), text("W/%s", tag), "*" };
    for (size_t i = 0; i < COUNT(matching); i++) {
        struct reply *r = expect_status(call("GET", path, NULL, text("If-None-Match: %s", matching[i]), NULL), 304);
        assert_int_equal(r->len, 0);
        assert_string_equal(header(r, "ETag"), tag);
    }
    const char *const other[] = { "\"other\"", text("%.*s", (int)strlen(tag) - 1, tag), "\"1\"", "1" };
    for (size_t i = 0; i < COUNT(other); i++)
        expect_status(call("GET", path, NULL, text("If-None-Match: %s", other[i]), NULL), 200);
    expect_status(PUT(path, "{\"description\":\"x\"}"), 200);
    expect_status(call("GET", path, NULL, text("If-None-Match: %s", tag), NULL), 200);
}

static void test_etag_changes_with_what_is_shown(void **state)
{
    (void)state;
    char *trade = industry(unique("旧业")),
         *path = customer_path(customer("某", text("\"industry_id\":\"%s\"", trade)));
    char *before = etag_of(path);
    assert_string_equal(etag_of(path), before);
    expect_status(PUT(text("/api/v1/industries/%s", trade), text("{\"industry_name\":\"%s\"}", unique("新业"))), 200);
    struct reply *r = NULL;
    for (double end = now_s() + 1; now_s() < end && (!r || r->status == 304);)
        r = call("GET", path, NULL, text("If-None-Match: %s", before), NULL);
    expect_status(r, 200);
    expect_status(with_match("PUT", path, "{\"description\":\"x\"}", before),
                  200); /* the record itself is the same version */
}

static void test_write_answers_with_the_etag_of_the_new_version(void **state)
{
    (void)state;
    struct reply *made = POST("/api/v1/customers", "{\"customer_name\":\"某\",\"customer_type\":\"企业\"}");
    const char *path = header(made, "Location");
    assert_string_equal(header(made, "ETag"), etag_of(path));
    struct reply *changed = PUT(path, "{\"description\":\"x\"}");
    assert_string_equal(header(changed, "ETag"), etag_of(path));
    assert_string_not_equal(header(changed, "ETag"), header(made, "ETag"));
    expect_number(GET(path), "data.version", 2);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void test_if_match_admits_the_current_version(void **state)
{
    (void)state;
    char *path = customer_path(customer("某", NULL));
    expect_status(with_match("PUT", path, "{\"description\":\"1\"}", etag_of(path)), 200);
    expect_status(with_match("PATCH", path, "{\"description\":\"2\"}", text("\"99\", %s", etag_of(path))), 200);
    expect_status(with_match("PUT", path, "{\"description\":\"3\"}", "*"), 200);
    expect_status(with_match("DELETE", path, NULL, etag_of(path)), 200);
}

static void test_if_match_of_another_version_shows_the_current_one(void **state)
{
    (void)state;
    char *path = customer_path(customer("某", NULL)), *old = etag_of(path);
    expect_status(PUT(path, "{\"customer_name\":\"别人改的\",\"credit_limit\":1000000.00}"), 200);
    const char *const tags[] = {
        old, "\"99\"", "\"\"", "\"x\"", "1", text("W/%s", etag_of(path)), "garbage, \"more\""
    };
    static const struct {
        const char *method, *body;
    } writes[] = { { "PUT", "{\"customer_name\":\"我改的\"}" },
                   { "PATCH", "{\"customer_name\":\"我改的\"}" },
                   { "DELETE", NULL } };
    for (size_t i = 0; i < COUNT(tags); i++)
        for (size_t j = 0; j < COUNT(writes); j++) {
            struct reply *r = with_match(writes[j].method, path, writes[j].body, tags[i]);
            expect_error(r, 412, "VERSION_CONFLICT", "");
            expect_text(r, "current.customer_name", "别人改的");
            expect_number(r, "current.version", 2);
            expect(has_text(r, "\"credit_limit\":1000000.00,"), "%s", r->body);
        }
    expect_number(GET(path), "data.version", 2);
}

static void test_if_match_on_restore_is_honoured(void **state)
{
    (void)state;
    char *path = customer_path(customer("某", NULL));
    const char *tag = header(expect_status(DELETE(path), 200), "ETag");
    expect_error(with_match("POST", text("%s/restore", path), "{}", "\"99\""), 412, "VERSION_CONFLICT", "");
    expect_status(with_match("POST", text("%s/restore", path), "{}", tag), 200);
}

static void test_if_match_of_an_absent_record_is_not_found(void **state)
{
    (void)state;
    expect_error(with_match("PUT", customer_path(UUID_ABSENT), "{}", "\"1\""), 404, "NOT_FOUND", "");
    expect_error(with_match("DELETE", customer_path(UUID_ABSENT), NULL, "*"), 404, "NOT_FOUND", "");
}

static void test_bad_fields_are_told_before_the_version(void **state)
{
    (void)state;
    char *path = customer_path(customer("某", NULL));
    expect_error(with_match("PUT", path, "{\"customer_level\":\"E\"}", "\"99\""), 400, "INVALID_FIELD",
                 "customer_level");
}

static void test_one_of_many_writers_of_a_version_wins(void **state)
{
    (void)state;
    char *path = customer_path(customer("某", NULL));
    for (int version = 1; version <= 5; version++) {
        struct request requests[RACERS];
        struct reply *replies[RACERS];
        char *match = text("If-Match: %s", etag_of(path));
        int won = 0;
        for (int i = 0; i < RACERS; i++)
            requests[i] = (struct request){ .method = "PUT",
                                            .url = text("%s%s", stack.customer_url, path),
                                            .token = stack.admin_token,
                                            .body = text("{\"description\":\"%d\"}", i),
                                            .headers = { match } };
        race(requests, replies);
        for (int i = 0; i < RACERS; i++) {
            if (replies[i]->status == 200)
                won++;
            else
                expect_error(replies[i], 412, "VERSION_CONFLICT", "");
        }
        assert_int_equal(won, 1);
        expect_number(GET(path), "data.version", version + 1);
    }
}

static void test_writers_without_if_match_all_get_through(void **state)
{
    (void)state;
    char *path = customer_path(customer("某", NULL));
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    for (int i = 0; i < RACERS; i++)
        requests[i] = (struct request){ .method = "PATCH",
                                        .url = text("%s%s", stack.customer_url, path),
                                        .token = stack.admin_token,
                                        .body = "{\"address\":\"x\"}" };
    race(requests, replies);
    for (int i = 0; i < RACERS; i++) expect_status(replies[i], 200);
    expect_number(GET(path), "data.version", RACERS + 1);
}

static void test_strict_preconditions_demand_if_match(void **state)
{
    (void)state;
    struct replica strict = replica_start("customer-service", "STRICT_PRECONDITIONS=1", NULL);
    char *path = customer_path(customer("某", NULL));
    target(strict.url);
    expect_error(PUT(path, "{}"), 428, "PRECONDITION_REQUIRED", "");
    expect_error(PATCH(path, "{}"), 428, "PRECONDITION_REQUIRED", "");
    expect_error(DELETE(path), 428, "PRECONDITION_REQUIRED", "");
    expect_status(with_match("PUT", path, "{}", etag_of(path)), 200);
    expect_status(with_match("DELETE", path, NULL, "*"), 200);
    customer("创建不需要", NULL);
    assert_int_equal(replica_stop(&strict), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unchanged_record_is_not_modified),
        cmocka_unit_test(test_etag_changes_with_what_is_shown),
        cmocka_unit_test(test_write_answers_with_the_etag_of_the_new_version),
        cmocka_unit_test(test_if_match_admits_the_current_version),
        cmocka_unit_test(test_if_match_of_another_version_shows_the_current_one),
        cmocka_unit_test(test_if_match_on_restore_is_honoured),
        cmocka_unit_test(test_if_match_of_an_absent_record_is_not_found),
        cmocka_unit_test(test_bad_fields_are_told_before_the_version),
        cmocka_unit_test(test_one_of_many_writers_of_a_version_wins),
        cmocka_unit_test(test_writers_without_if_match_all_get_through),
        cmocka_unit_test(test_strict_preconditions_demand_if_match),
    };
    return system_main("etag", tests, COUNT(tests));
}
