/* Contacts, and how they belong to customers: contract.md, Writes. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "race.h"
#include "sql.h"
#include "stack.h"

#include <string.h>

static char *contact_path(const char *id)
{
    return text("/api/v1/contacts/%s", id);
}

static char *primary(const char *contact_id)
{
    return text("\"primary_contact_id\":\"%s\"", contact_id);
}

static char *owner(const char *customer_id)
{
    return text("\"customer_id\":\"%s\"", customer_id);
}

static void test_contact_has_create_read_update_delete_restore(void **state)
{
    (void)state;
    struct reply *r =
        POST("/api/v1/contacts",
             "{\"contact_name\":\"李四\",\"gender\":\"MALE\",\"title\":\"采购经理\",\"department\":\"采购部\","
             "\"phone\":\"010-65123456\",\"email\":\"li@example.com\",\"wechat\":\"li4\",\"description\":\"一\\n二\"}");
    expect_status(r, 200);
    assert_string_equal(keys_at(r, "data"), "contact_id,contact_name,created_time");
    const char *path = header(r, "Location");
    r = expect_status(GET(path), 200);
    expect_text(r, "data.gender", "男");
    expect_text(r, "data.description", "一\n二");
    expect_text(r, "data.customer_id", NULL);
    expect_text(r, "data.created_by_name", "管理员");
    r = expect_status(PUT(path, "{\"title\":null,\"contact_name\":\"李四光\"}"), 200);
    assert_string_equal(keys_at(r, "data"), "contact_id,updated_time");
    r = GET(path);
    expect_text(r, "data.contact_name", "李四光");
    expect_text(r, "data.title", NULL);
    expect_status(DELETE(path), 200);
    expect_error(GET(path), 404, "NOT_FOUND", "");
    expect_status(POST(text("%s/restore", path), "{}"), 200);
    expect_number(GET(path), "data.version", 4);
}

static void test_contact_reports_every_bad_field(void **state)
{
    (void)state;
    expect_error(POST("/api/v1/contacts", "{\"gender\":\"x\",\"phone\":\"1\",\"email\":\"x\",\"customer_id\":\"x\","
                                          "\"contact_id\":\"x\",\"wechat\":5}"),
                 400, "INVALID_FIELD", "contact_name,gender,phone,email,customer_id,contact_id,wechat");
    expect_error(PUT(contact_path(contact("张三", NULL)), "{\"contact_name\":null}"), 400, "INVALID_FIELD",
                 "contact_name");
}

static void test_contact_of_an_unknown_customer_is_refused(void **state)
{
    (void)state;
    char *gone = customer("某", NULL), *id = contact("张三", NULL);
    DELETE(customer_path(gone));
    const char *const owners[] = { UUID_ABSENT, gone };
    for (size_t i = 0; i < COUNT(owners); i++) {
        expect_error(POST("/api/v1/contacts", text("{\"contact_name\":\"张三\",%s}", owner(owners[i]))), 422,
                     "BAD_REFERENCE", "customer_id");
        expect_error(PUT(contact_path(id), text("{%s}", owner(owners[i]))), 422, "BAD_REFERENCE", "customer_id");
    }
}

static void test_contact_list_has_the_shape_and_filters_by_customer(void **state)
{
    (void)state;
    const char *name = unique("某");
    char *id = customer(name, NULL);
    contact("张三", owner(id));
    contact("李四", owner(id));
    struct reply *r = expect_status(GET(text("/api/v1/contacts?customer_id=%s&sort=contact_name&order=asc", id)), 200);
    expect_number(r, "data.total", 2);
    assert_string_equal(
        keys_at(r, "data.records.0"),
        "contact_id,contact_name,customer_id,customer_name,gender,title,department,phone,email,created_time");
    expect_text(r, "data.records.0.contact_name", "张三");
    expect_text(r, "data.records.0.customer_name", name);
    r = GET(text("/api/v1/contacts?customer_id=%s&keyword=lisi", id));
    expect_number(r, "data.total", 1);
    expect_text(r, "data.records.0.contact_name", "李四");
    expect_error(GET("/api/v1/contacts?contact_name=x"), 400, "INVALID_FIELD", "contact_name");
}

/* --- the primary contact ------------------------------------------------------------------------------------------ */

static void test_free_contact_is_attached_to_the_customer_that_names_it(void **state)
{
    (void)state;
    char *person = contact("张三", NULL), *id = customer("某", primary(person));
    expect_text(GET(customer_path(id)), "data.primary_contact", "张三");
    expect_text(GET(contact_path(person)), "data.customer_id", id);
    char *next = contact("李四", NULL);
    expect_status(PUT(customer_path(id), text("{%s}", primary(next))), 200);
    expect_text(GET(contact_path(next)), "data.customer_id", id);
    expect_text(GET(contact_path(person)), "data.customer_id", id);
    expect_text(GET(customer_path(id)), "data.primary_contact", "李四");
}

static void test_contact_of_another_customer_is_refused(void **state)
{
    (void)state;
    char *person = contact("张三", NULL), *gone = contact("王五", NULL), *other;
    customer("其主", primary(person));
    DELETE(contact_path(gone));
    other = customer("他人", NULL);
    const char *const bad[] = { person, gone, UUID_ABSENT };
    for (size_t i = 0; i < COUNT(bad); i++) {
        expect_error(
            POST("/api/v1/customers", text("{\"customer_name\":\"x\",\"customer_type\":\"企业\",%s}", primary(bad[i]))),
            422, "BAD_REFERENCE", "primary_contact_id");
        expect_error(PUT(customer_path(other), text("{%s}", primary(bad[i]))), 422, "BAD_REFERENCE",
                     "primary_contact_id");
    }
    expect_text(GET(customer_path(other)), "data.primary_contact_id", NULL);
}

static void test_deleted_contact_stops_being_primary(void **state)
{
    (void)state;
    char *person = contact("张三", NULL), *id = customer("某", primary(person));
    expect_status(DELETE(contact_path(person)), 200);
    struct reply *r = GET(customer_path(id));
    expect_text(r, "data.primary_contact_id", NULL);
    expect_text(r, "data.primary_contact", NULL);
}

static void test_contact_that_moves_away_stops_being_primary(void **state)
{
    (void)state;
    char *person = contact("张三", NULL), *id = customer("旧", primary(person)), *other = customer("新", NULL);
    expect_status(PUT(contact_path(person), text("{%s}", owner(other))), 200);
    expect_text(GET(customer_path(id)), "data.primary_contact_id", NULL);
    expect_status(PUT(customer_path(other), text("{%s}", primary(person))), 200);
    expect_text(GET(customer_path(other)), "data.primary_contact", "张三");
}

static void test_customer_can_drop_its_primary_contact(void **state)
{
    (void)state;
    char *person = contact("张三", NULL), *id = customer("某", primary(person));
    expect_status(PUT(customer_path(id), "{\"primary_contact_id\":null}"), 200);
    struct reply *r = GET(customer_path(id));
    expect_text(r, "data.primary_contact", NULL);
    expect_text(GET(contact_path(person)), "data.customer_id", id);
}

/* Many customers name the same free contact at once: it becomes one customer's, and nobody else's primary one. */
static void test_one_of_many_customers_gets_a_free_contact(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        char *person = contact("抢手", NULL);
        struct request requests[RACERS];
        struct reply *replies[RACERS];
        for (int i = 0; i < RACERS; i++)
            requests[i] = (struct request){ .method = "POST",
                                            .url = text("%s/api/v1/customers", stack.customer_url),
                                            .token = stack.admin_token,
                                            .body = text("{\"customer_name\":\"竞\",\"customer_type\":\"企业\",%s}",
                                                         primary(person)) };
        race(requests, replies);
        int won = 0;
        for (int i = 0; i < RACERS; i++) {
            if (replies[i]->status == 200)
                won++;
            else
                expect_error(replies[i], 422, "BAD_REFERENCE", "primary_contact_id");
        }
        long named =
            sql_count(stack.customer_db, "SELECT count(*) FROM customers WHERE primary_contact_id = '%s'", person);
        expect(won == 1 && named == 1, "%d customers were told that the contact is theirs, %ld name it", won, named);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contact_has_create_read_update_delete_restore),
        cmocka_unit_test(test_contact_reports_every_bad_field),
        cmocka_unit_test(test_contact_of_an_unknown_customer_is_refused),
        cmocka_unit_test(test_contact_list_has_the_shape_and_filters_by_customer),
        cmocka_unit_test(test_free_contact_is_attached_to_the_customer_that_names_it),
        cmocka_unit_test(test_contact_of_another_customer_is_refused),
        cmocka_unit_test(test_deleted_contact_stops_being_primary),
        cmocka_unit_test(test_contact_that_moves_away_stops_being_primary),
        cmocka_unit_test(test_customer_can_drop_its_primary_contact),
        cmocka_unit_test(test_one_of_many_customers_gets_a_free_contact),
    };
    return system_main("contacts", tests, COUNT(tests));
}
