/* Field by field what the requirement document shows of customers: sections 3.1.2 to 3.1.4, through the gateway; and the
 * edges of its values: contract.md, Values. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <string.h>

/* The document's request body: every field it names, once as in 3.1.3 and once all different. Ids are put in by `filled`. */
static const struct {
    const char *field, *created, *updated; /* NULL: an id that `filled` makes */
} fields[] = {
    { "customer_name", "\"客户名称\"", "\"新的名称\"" },
    { "customer_type", "\"企业\"", "\"医院\"" },
    { "phone", "\"13800138000\"", "\"010-65123456\"" },
    { "email", "\"contact@example.com\"", "\"new@example.com\"" },
    { "address", "\"北京市朝阳区\"", "\"上海市浦东新区\"" },
    { "customer_level", "\"A\"", "\"C\"" },
    { "company_size", "\"大型\"", "\"小型\"" },
    { "credit_limit", "1000000.00", "0.01" },
    { "payment_terms", "\"月结30天\"", "\"货到付款\"" },
    { "source_channel", "\"展会\"", "\"官网\"" },
    { "tags", "[\"重要客户\",\"长期合作\"]", "[\"新客户\"]" },
    { "status", "\"活跃\"", "\"休眠\"" },
    { "description", "\"备注信息\"", "\"一\\n二\"" },
    { "customer_code", NULL, NULL },
    { "primary_contact_id", NULL, NULL },
    { "industry_id", NULL, NULL },
    { "region_id", NULL, NULL },
};

struct names {
    const char *person, *trade, *area; /* shown beside the ids */
    const char *members[COUNT(fields)]; /* "\"field\":value" */
};

static struct names filled(bool update)
{
    struct names n = { unique("联系人"), unique("行业"), unique("区"), { 0 } };
    const char *ids[] = { unique("C001"), contact(n.person, NULL), industry(n.trade), region(n.area) };
    size_t id = 0;
    for (size_t i = 0; i < COUNT(fields); i++) {
        const char *value = update ? fields[i].updated : fields[i].created;
        n.members[i] = text("\"%s\":%s", fields[i].field, value ? value : text("\"%s\"", ids[id++]));
    }
    return n;
}

static char *body_of(const struct names *n)
{
    char *body = text("%s", "{");
    for (size_t i = 0; i < COUNT(fields); i++) body = text("%s%s%s", body, i ? "," : "", n->members[i]);
    return text("%s}", body);
}

static void expect_shown(struct reply *r, const struct names *n)
{
    expect_status(r, 200);
    for (size_t i = 0; i < COUNT(fields); i++)
        expect(has_text(r, text("%s,", n->members[i])) || has_text(r, text("%s}", n->members[i])), "%s is not in %s",
               n->members[i], r->body);
    expect_text(r, "data.primary_contact", n->person);
    expect_text(r, "data.industry_name", n->trade);
    expect_text(r, "data.region_name", n->area);
}

static void test_customer_keeps_every_field_of_a_create(void **state)
{
    (void)state;
    struct names n = filled(false);
    target(stack.gateway_url);
    struct reply *r = expect_status(POST("/api/v1/customers", body_of(&n)), 200);
    expect_shown(GET(customer_path(text_at(r, "data.customer_id"))), &n);
}

static void test_customer_keeps_every_field_of_an_update(void **state)
{
    (void)state;
    static const char *const methods[] = { "PUT", "PATCH" };
    for (size_t i = 0; i < COUNT(methods); i++) {
        target(stack.customer_url);
        struct names before = filled(false), after = filled(true);
        target(stack.gateway_url);
        struct reply *r = expect_status(POST("/api/v1/customers", body_of(&before)), 200);
        char *path = customer_path(text_at(r, "data.customer_id"));
        r = expect_status(call(methods[i], path, body_of(&after), NULL), 200);
        assert_string_equal(keys_at(r, "data"), "customer_id,updated_time");
        const char *told = text_at(r, "data.updated_time");
        r = GET(path);
        expect_shown(r, &after);
        expect_text(r, "data.updated_time", told);
    }
}

/* Each field alone: the others stay as they were. */
static void test_customer_update_of_one_field_leaves_the_others(void **state)
{
    (void)state;
    struct names n = filled(false), other = filled(true);
    struct reply *r = expect_status(POST("/api/v1/customers", body_of(&n)), 200);
    char *path = customer_path(text_at(r, "data.customer_id"));
    for (size_t i = 0; i < COUNT(fields); i++) {
        expect_status(PATCH(path, text("{%s}", other.members[i])), 200);
        n.members[i] = other.members[i];
        r = GET(path);
        for (size_t j = 0; j < COUNT(fields); j++)
            expect(has_text(r, n.members[j]), "after a change of %s: %s is not in %s", fields[i].field, n.members[j], r->body);
    }
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static void test_customer_values_at_their_limits_are_taken(void **state)
{
    (void)state;
    char *tags = text("\"%s\"", repeat("签", 32));
    for (int i = 1; i < 20; i++) tags = text("%s,\"%d\"", tags, i);
    const char *code = unique("L");
    const char *const members[] = {
        text("\"customer_code\":\"%s%s\"", code, repeat("_", 50 - (int)strlen(code))),
        text("\"address\":\"%s\"", repeat("址", 500)),
        text("\"description\":\"%s\"", repeat("述", 5000)),
        text("\"payment_terms\":\"%s\"", repeat("款", 100)),
        text("\"tags\":[%s]", tags),
    };
    for (size_t i = 0; i < COUNT(members); i++) {
        struct reply *r = POST("/api/v1/customers",
                               text("{\"customer_name\":\"某\",\"customer_type\":\"企业\",%s}", members[i]));
        if (r->status != 200) print_error("%.60s\n", members[i]);
        expect(has_text(GET(customer_path(text_at(expect_status(r, 200), "data.customer_id"))), members[i]), "%.60s",
               members[i]);
    }
}

/* Every code and every label that a dictionary lists is taken; the label comes out. */
static void test_customer_takes_each_entry_of_its_dictionaries(void **state)
{
    (void)state;
    static const char *const enumerations[][2] = { { "customer_type", "customer_type" },
                                                   { "customer_level", "customer_level" },
                                                   { "company_size", "company_size" },
                                                   { "source_channel", "source_channel" },
                                                   { "status", "customer_status" } };
    char *path = customer_path(customer("某", NULL));
    for (size_t i = 0; i < COUNT(enumerations); i++) {
        struct reply *d = expect_status(GET(text("/api/v1/dictionaries/%s", enumerations[i][1])), 200);
        assert_true(cJSON_GetArraySize(at(d, "data.items")) >= 4);
        for (int n = 0; n < cJSON_GetArraySize(at(d, "data.items")); n++) {
            const char *label = text_at(d, text("data.items.%d.label", n));
            const char *const given[] = { text_at(d, text("data.items.%d.code", n)), label };
            for (size_t g = 0; g < COUNT(given); g++) {
                expect_status(PATCH(path, text("{\"%s\":\"%s\"}", enumerations[i][0], given[g])), 200);
                expect_text(GET(path), text("data.%s", enumerations[i][0]), label);
                expect_status(GET(text("/api/v1/customers?size=1&%s=%s", enumerations[i][0], encoded(given[g]))), 200);
            }
        }
    }
}

static void test_app_timezone_decides_the_wall_clock(void **state)
{
    (void)state;
    struct replica r = replica_start("customer-service", "APP_TIMEZONE=America/New_York", NULL);
    char *trade = industry(unique("行业")), *id = customer("某", text("\"industry_id\":\"%s\"", trade));
    sql(stack.customer_db, "UPDATE customers SET created_time = '2023-07-01 03:30:00+00' WHERE customer_id = '%s'", id);
    static const struct {
        const char *time, *day, *not_on;
    } zones[] = { { "2023-07-01 11:30:00", "2023-07-01", "2023-06-30" },
                  { "2023-06-30 23:30:00", "2023-06-30", "2023-07-01" } };
    const char *const urls[] = { stack.customer_url, r.url };
    for (size_t i = 0; i < COUNT(urls); i++) {
        target(urls[i]);
        expect_text(GET(customer_path(id)), "data.created_time", zones[i].time);
        const char *query = text("/api/v1/customers?industry_id=%s", trade);
        expect_number(GET(text("%s&start_date=%s&end_date=%s", query, zones[i].day, zones[i].day)), "data.total", 1);
        expect_number(GET(text("%s&start_date=%s&end_date=%s", query, zones[i].not_on, zones[i].not_on)), "data.total", 0);
    }
    assert_int_equal(replica_stop(&r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_customer_keeps_every_field_of_a_create),
        cmocka_unit_test(test_customer_keeps_every_field_of_an_update),
        cmocka_unit_test(test_customer_update_of_one_field_leaves_the_others),
        cmocka_unit_test(test_customer_values_at_their_limits_are_taken),
        cmocka_unit_test(test_customer_takes_each_entry_of_its_dictionaries),
        cmocka_unit_test(test_app_timezone_decides_the_wall_clock),
    };
    return system_main("customer document", tests, COUNT(tests));
}
