/* Phone, e-mail and address at rest: contract.md, Access. Whoever has the database, a dump, Redis or a log has not the values. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "shell.h"
#include "sql.h"
#include "stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define KEY_X "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFg="
#define KEY_Y "WVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVk="

static const char *data_keys(void)
{
    return getenv("CUSTOMER_SERVICE_DATA_KEYS_FILE");
}

static char *folder(void)
{
    return text("%s/..", getenv("LOG_DIR"));
}

/* A telephone number that nobody else has written. */
static char *number(void)
{
    static unsigned run, n;
    if (!run && getrandom(&run, sizeof run, 0) != sizeof run) abort();
    return text("19%06u%03u", run % 1000000, ++n);
}

/* --- nothing in clear ------------------------------------------------------------------------------------------------ */

struct canaries {
    const char *phone, *email, *address, *name; /* the name is not secret: it must be found */
};

static char *hex(const char *value)
{
    char *out = text("%*s", (int)strlen(value) * 2, "");
    for (size_t i = 0; value[i]; i++) snprintf(out + 2 * i, 3, "%02x", (unsigned char)value[i]);
    return out;
}

/* `find` prints what it finds of a fixed text ($0). */
static void expect_none(const struct canaries *c, const char *place, const char *find)
{
    const char *const secrets[] = { c->phone, c->email, c->address };
    expect(*shell("sh -c '%s' '%s'", find, c->name).text, "%s: not even the name is found", place);
    for (size_t i = 0; i < COUNT(secrets); i++) {
        struct said clear = shell("sh -c '%s' '%s'", find, secrets[i]), in_hex = shell("sh -c '%s' '%s'", find, hex(secrets[i]));
        expect(!*clear.text && !*in_hex.text, "%s holds %s: %.500s%.500s", place, secrets[i], clear.text, in_hex.text);
    }
}

static struct canaries canaries_write(void)
{
    struct canaries c = { number(), text("%s@canary.example.com", unique("Mail")), text("北京市%s路", unique("街")), unique("名") };
    const char *secret = text("\"phone\":\"%s\",\"email\":\"%s\"", c.phone, c.email);
    const char *key = text("Idempotency-Key: %s", unique("key"));
    const char *body = text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\",%s,\"address\":\"%s\"}", c.name, secret, c.address);
    struct reply *r = call("POST", "/api/v1/customers", body, key, NULL);
    expect_status(r, 200);
    char *path = customer_path(text_at(r, "data.customer_id"));
    contact(c.name, secret);
    expect_status(PATCH(path, "{\"company_size\":\"大型\"}"), 200); /* an event with the row before and after */
    r = call("POST", "/api/v1/customers", body, key, NULL);
    expect_status(r, 200);
    assert_string_equal(header(r, "Idempotent-Replayed"), "true");
    const char *plain_hash = text("sha256(convert_to(E'POST /api/v1/customers\\n%s', 'UTF8'))", body); /* numbers could be tried */
    assert_int_equal(sql_count(stack.customer_db, "SELECT count(*) FROM idempotency WHERE request = %s", plain_hash), 0);
    target(stack.gateway_url);
    expect_text(GET(path), "data.phone", c.phone);
    expect_text(GET(path), "data.email", c.email);
    expect_text(GET(path), "data.address", c.address);
    expect_number(GET(text("/api/v1/customers?keyword=%s", encoded(c.phone))), "data.total", 1);
    expect_number(GET(text("/api/v1/contacts?keyword=%s", encoded(c.email))), "data.total", 1);
    expect_status(PATCH(path, text("{\"phone\":\"%s\",\"industry_id\":\"" UUID_ABSENT "\"}", c.phone)), 422);
    expect_status(call("PATCH", path, text("{%s}", secret), "If-Match: \"99.0\"", NULL), 412);
    target(stack.customer_url);
    return c;
}

static bool name_is_logged(void *arg)
{
    return shell("grep -rlF '%s' '%s'", (const char *)arg, getenv("LOG_DIR")).status == 0;
}

static void test_no_dump_and_no_file_of_the_database_holds_a_value(void **state)
{
    (void)state;
    own_stack_only();
    struct canaries c = canaries_write();
    const char *dump = text("%s/canary.dump", folder());
    struct said made = shell("/usr/lib/postgresql/15/bin/pg_dump '%s' >%s", stack.admin_db, dump);
    expect(made.status == 0, "%s", made.text);
    expect_none(&c, "pg_dump", text("grep -aF \"$0\" %s", dump));
    sql(stack.admin_db, "CHECKPOINT");
    /* tables, indexes and the log of all that was ever written */
    expect_none(&c, "the cluster", text("grep -raolF \"$0\" %s", sql(stack.admin_db, "SHOW data_directory")));
}

static void test_redis_holds_no_value(void **state)
{
    (void)state;
    own_stack_only();
    struct canaries c = canaries_write();
    const char *dump = text("%s/canary.rdb", folder()), *cli = text("redis-cli -s '%s'", getenv("REDIS_SOCKET"));
    expect(shell("%s SET canary '%s'", cli, c.name).status == 0, "SET");
    struct said made = shell("%s --rdb %s", cli, dump);
    expect(made.status == 0, "%s", made.text);
    expect_none(&c, "Redis", text("grep -aoF \"$0\" %s", dump));
    shell("%s DEL canary", cli);
}

static void test_no_log_holds_a_value(void **state)
{
    (void)state;
    own_stack_only();
    struct canaries c = canaries_write();
    c.name = text_at(GET("/api/v1/nothing"), "request_id"); /* a log has no name, but this */
    expect(poll_until(10, name_is_logged, (void *)c.name), "%s is not logged", c.name);
    expect_none(&c, "a log", text("grep -rhF \"$0\" %s", getenv("LOG_DIR")));
}

static void test_a_kept_reply_is_replayed_whole(void **state)
{
    (void)state;
    const char *key = text("Idempotency-Key: %s", unique("key"));
    const char *body = "{\"customerDTO\":{\"customer_name\":\"某\",\"customer_type\":\"企业\",\"phone\":\"13800138000\",\"address\":\"北京\"}}";
    struct reply *first = call("POST", "/internal/v1/createCustomer", body, key, NULL);
    struct reply *again = call("POST", "/internal/v1/createCustomer", body, key, NULL);
    expect_status(first, 200);
    assert_string_equal(header(again, "Idempotent-Replayed"), "true");
    assert_string_equal(first->body, again->body);
    expect_text(again, "data.phone", "13800138000");
    expect_text(again, "data.address", "北京");
}

/* --- look-ups -------------------------------------------------------------------------------------------------------------- */

static void test_a_phone_is_found_however_it_is_written(void **state)
{
    (void)state;
    const char *digits = number(), *spaced = text("%.3s-%.4s %s", digits, digits + 3, digits + 7);
    char *name = text("%s", unique("某"));
    customer(name, text("\"phone\":\"%s\"", spaced));
    contact(name, text("\"phone\":\"(%s)\"", digits));
    const char *const found[] = { digits, spaced, text("(%s)", digits) };
    const char *const not_found[] = { text("+86%s", digits), text("%.10s", digits), text("C%s", digits), text("%s1", digits) };
    for (size_t i = 0; i < COUNT(found); i++) {
        struct reply *r = GET(text("/api/v1/customers?keyword=%s", encoded(found[i])));
        expect_number(r, "data.total", 1);
        expect_text(r, "data.records.0.phone", spaced); /* shown as it was written */
        expect_number(GET(text("/api/v1/contacts?keyword=%s", encoded(found[i]))), "data.total", 1);
    }
    for (size_t i = 0; i < COUNT(not_found); i++)
        expect_number(GET(text("/api/v1/customers?keyword=%s", encoded(not_found[i]))), "data.total", 0);
}

static void test_a_new_phone_is_found_and_the_old_one_no_longer(void **state)
{
    (void)state;
    const char *old = number(), *new = number();
    char *id = customer("某", text("\"phone\":\"%s\"", old));
    expect_status(PATCH(customer_path(id), text("{\"phone\":\"%s\"}", new)), 200);
    expect_number(GET(text("/api/v1/customers?keyword=%s", old)), "data.total", 0);
    expect_number(GET(text("/api/v1/customers?keyword=%s", new)), "data.total", 1);
    expect_status(PATCH(customer_path(id), "{\"phone\":null}"), 200);
    expect_number(GET(text("/api/v1/customers?keyword=%s", new)), "data.total", 0);
}

static void test_equal_values_do_not_look_equal(void **state)
{
    (void)state;
    char *one = customer("甲", "\"phone\":\"13800138000\""), *other = customer("乙", "\"phone\":\"13800138000\"");
    char *person = contact("丙", "\"phone\":\"13800138000\"");
    const char *of_two = text("SELECT count(DISTINCT phone) FROM customers WHERE customer_id IN ('%s', '%s')", one, other);
    const char *same_index = text("SELECT count(*) FROM contacts o, customers c WHERE o.contact_id = '%s' AND c.customer_id = '%s' "
                                  "AND o.phone_index = c.phone_index", person, one);
    assert_int_equal(sql_count(stack.customer_db, "%s", of_two), 2);
    assert_int_equal(sql_count(stack.customer_db, "%s", same_index), 0);
}

/* --- what was changed behind the service's back -------------------------------------------------------------------------- */

static bool is_logged(void *arg)
{
    const char *log = text("%s/customer-service.log", getenv("LOG_DIR")), *record = arg;
    return shell("grep -F 'stored value cannot be shown' %s | grep -F '%s' | grep -cF 'was changed, or belongs elsewhere'", log, record)
               .status == 0;
}

static void expect_damaged(const char *id, const char *other)
{
    struct reply *r = GET(customer_path(id));
    expect_error(r, 500, "INTERNAL", "");
    expect_status(GET(customer_path(other)), 200);
    expect(poll_until(10, is_logged, (void *)id), "%s is not logged", id);
}

static void test_a_tampered_value_is_an_error_and_never_another_value(void **state)
{
    (void)state;
    own_stack_only();
    char *id = customer(unique("坏"), "\"phone\":\"13800138000\",\"address\":\"北京\"");
    char *other = customer("好", "\"phone\":\"13900139000\"");
    sql(stack.customer_db, "UPDATE customers SET phone = set_byte(phone, 20, get_byte(phone, 20) # 1), version = version + 1 "
                           "WHERE customer_id = '%s'", id);
    expect_damaged(id, other);
    expect_error(call("PATCH", customer_path(id), "{\"company_size\":\"大型\"}", "If-Match: \"99.0\"", NULL), 500, "INTERNAL", "");
    expect_status(PATCH(customer_path(id), "{\"phone\":\"13700137000\"}"), 200);
    expect_text(GET(customer_path(id)), "data.phone", "13700137000");
}

static void test_a_value_of_another_record_or_field_is_an_error(void **state)
{
    (void)state;
    own_stack_only();
    char *id = customer("甲", "\"phone\":\"13800138000\""), *other = customer("乙", "\"phone\":\"13900139000\"");
    sql(stack.customer_db, "UPDATE customers t SET phone = o.phone FROM customers o WHERE t.customer_id = '%s' "
                           "AND o.customer_id = '%s'", id, other);
    expect_damaged(id, other);
    sql(stack.customer_db, "UPDATE customers SET phone = convert_to('13800138000', 'UTF8') WHERE customer_id = '%s'", id);
    expect_error(GET(customer_path(id)), 500, "INTERNAL", "");
    sql(stack.customer_db, "UPDATE customers SET phone = '' WHERE customer_id = '%s'", id);
    expect_error(GET(customer_path(id)), 500, "INTERNAL", "");
    char *third = customer("丙", "\"phone\":\"13900139000\",\"address\":\"13900139000\"");
    sql(stack.customer_db, "UPDATE customers SET phone = address WHERE customer_id = '%s'", third);
    expect_damaged(third, other);
    sql(stack.customer_db, "UPDATE customers SET phone = NULL WHERE customer_id IN ('%s', '%s')", id, third); /* lists work again */
    expect_status(GET("/api/v1/customers"), 200);
}

/* --- keys that are not the data's ------------------------------------------------------------------------------------------ */

static char *ring_file(const char *format)
{
    char *path = text("%s/secrets/%s", folder(), unique("ring"));
    struct said made = shell("key() { sed -n \"s/^$1://p\" %s; }; umask 077; printf '%%s\\n' %s >%s", data_keys(), format, path);
    expect(made.status == 0, "%s", made.text);
    return path;
}

static char *everything(void)
{
    return sql(stack.customer_db, "SELECT md5(concat((SELECT string_agg(t::text, '' ORDER BY customer_id) FROM customers t), "
                                  "(SELECT string_agg(k::text, '' ORDER BY name) FROM data_keys k), (SELECT count(*) FROM outbox)))");
}

static void test_wrong_or_lost_keys_refuse_to_start_and_change_nothing(void **state)
{
    (void)state;
    own_stack_only();
    static const struct { const char *ring, *said; } cases[] = {
        { "1:" KEY_X " index:$(key index)", "key 1 is not the one that stored values were sealed with" },
        { "2:" KEY_X " index:$(key index)", "key 1, which stored values are sealed with, is not in the key ring" },
        { "2:" KEY_X " 1:" KEY_Y " index:$(key index)", "key 1 is not the one that stored values were sealed with" },
        { "1:$(key 1) index:" KEY_X, "the index key is not the one that the stored indexes were made with" },
        { "1:$(key 1)", "data keys: there is no index key" },
        { "1:short index:$(key index)", "data keys: entry 1 has no key of 32 bytes in base64" },
    };
    char *id = customer("某", "\"phone\":\"13800138000\""), *before = everything();
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *file = ring_file(cases[i].ring);
        struct said served = shell("%s", service_with_keys("customer-service", file, ""));
        struct said rotated = shell("%s", service_with_keys("customer-service", file, "rotate-data-keys"));
        expect(served.status == 1 && strstr(served.text, cases[i].said), "%s: %d, %s", cases[i].ring, served.status, served.text);
        expect(rotated.status == 1 && strstr(rotated.text, cases[i].said), "%s: %d, %s", cases[i].ring, rotated.status, rotated.text);
        expect(!strstr(served.text, KEY_X) && !strstr(rotated.text, KEY_X), "%s tells the key", cases[i].ring);
        assert_string_equal(everything(), before);
    }
    struct said none = shell("%s", service_with_keys("customer-service", "", ""));
    expect(none.status == 1 && strstr(none.text, "DATA_KEYS_FILE or DATA_KEYS is required"), "%s", none.text);
    expect_text(GET(customer_path(id)), "data.phone", "13800138000");
}

/* --- values of before ---------------------------------------------------------------------------------------------------- */

/* The tables as they were released once, with a record; then the migration, in a schema beside the service's. */
static void old_schema(const char *phone, const char *id)
{
    const char *migrations = "services/customer-service/migrations", *psql = text("psql -Xq -v ON_ERROR_STOP=1 '%s'", stack.admin_db);
    const char *begin = "SET client_min_messages = warning; DROP SCHEMA IF EXISTS released CASCADE; CREATE SCHEMA released; "
                        "SET search_path = released, public;";
    const char *insert = text("INSERT INTO customers (customer_id, customer_name, customer_type, status, phone, email, address) "
                              "VALUES (:'id', '旧', '企业', '活跃', '%s', 'Old@Example.com', '北京' || chr(92) || 'x');", phone);
    struct said made = shell("{ echo \"%s\"; cat %s/000[123]*.sql; echo \"%s\"; cat %s/0004*.sql; } | %s -v id=%s", begin, migrations,
                             insert, migrations, psql, id);
    expect(made.status == 0, "%s", made.text);
}

static void test_values_of_before_are_encrypted_and_none_is_lost(void **state)
{
    (void)state;
    own_stack_only();
    const char *phone = number(), *id = text("018f3c5e-7a10-7c3e-9b1a-0%s", phone);
    old_schema(phone, id);
    assert_int_equal(sql_count(stack.admin_db, "SELECT count(*) FROM released.outbox WHERE after ?| '{phone,email,address}'"), 0);
    assert_int_equal(sql_count(stack.admin_db, "SELECT count(*) FROM released.outbox WHERE aggregate = 'customer'"), 1);
    sql(stack.admin_db, "SET session_replication_role = replica"); /* a migration makes no event either */
    sql(stack.admin_db, "UPDATE released.customers SET customer_code = '%s'", phone);
    sql(stack.admin_db, "INSERT INTO customer.customers (customer_id, customer_code, customer_name, customer_type, status, phone, email, "
                        "address) SELECT customer_id, customer_code, customer_name, customer_type, status, phone, email, address "
                        "FROM released.customers");
    sql(stack.admin_db, "INSERT INTO customer.data_keys (name, canary) SELECT name, canary FROM released.data_keys");
    sql(stack.admin_db, "RESET session_replication_role");
    struct said refused = shell("%s", service_with_keys("customer-service", data_keys(), ""));
    expect(refused.status == 1 && strstr(refused.text, "run the command rotate-data-keys first"), "%s", refused.text);
    expect_status(GET(customer_path(id)), 500); /* a service takes nothing for sealed that is not */
    struct said done = shell("%s", service_with_keys("customer-service", data_keys(), "rotate-data-keys"));
    expect(done.status == 0 && strstr(done.text, "nothing is in clear any more"), "%s", done.text);
    struct reply *r = GET(customer_path(id));
    expect_text(r, "data.phone", phone);
    expect_text(r, "data.email", "Old@Example.com");
    expect_text(r, "data.address", "北京\\x");
    expect_number(GET(text("/api/v1/customers?keyword=%s", phone)), "data.total", 1);
    sql(stack.admin_db, "SET client_min_messages = warning");
    sql(stack.admin_db, "DROP SCHEMA released CASCADE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_kept_reply_is_replayed_whole),
        cmocka_unit_test(test_a_phone_is_found_however_it_is_written),
        cmocka_unit_test(test_a_new_phone_is_found_and_the_old_one_no_longer),
        cmocka_unit_test(test_equal_values_do_not_look_equal),
        cmocka_unit_test(test_no_dump_and_no_file_of_the_database_holds_a_value),
        cmocka_unit_test(test_redis_holds_no_value),
        cmocka_unit_test(test_no_log_holds_a_value),
        cmocka_unit_test(test_a_tampered_value_is_an_error_and_never_another_value),
        cmocka_unit_test(test_a_value_of_another_record_or_field_is_an_error),
        cmocka_unit_test(test_wrong_or_lost_keys_refuse_to_start_and_change_nothing),
        cmocka_unit_test(test_values_of_before_are_encrypted_and_none_is_lost),
    };
    return system_main("encryption", tests, COUNT(tests));
}
