/* E-mail and phone of users at rest: contract.md, Access. The rules of sealed values are tested with customers: test_encryption.c. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "shell.h"
#include "sql.h"
#include "stack.h"
#include "staff.h"

#include <stdlib.h>
#include <string.h>

#define PHONE "13566667777"
#define EMAIL "Staff.Canary@example.com"

static const char *data_keys(void)
{
    return getenv("AUTH_SERVICE_DATA_KEYS_FILE");
}

static void expect_known(const char *id)
{
    target(stack.auth_url);
    expect_text(GET(user_path(id)), "data.phone", PHONE);
    expect_text(GET(user_path(id)), "data.email", EMAIL);
    const char *const keywords[] = { PHONE, "135-6666-7777", EMAIL, "staff.canary@EXAMPLE.com" };
    for (size_t i = 0; i < COUNT(keywords); i++) {
        struct reply *r = GET(text("/api/v1/users?keyword=%s", encoded(keywords[i])));
        expect_number(r, "data.total", 1);
        expect_text(r, "data.records.0.phone", PHONE);
    }
    expect_number(GET("/api/v1/users?keyword=1356666777"), "data.total", 0); /* a part of it finds nothing */
}

static void expect_nowhere(const char *place, const char *file)
{
    static const char *const secrets[] = { PHONE, EMAIL, "staff.canary@example.com" };
    for (size_t i = 0; i < COUNT(secrets); i++)
        expect(shell("grep -raqF '%s' %s", secrets[i], file).status == 1, "%s holds %s", place, secrets[i]);
}

static void remove_user(const char *id)
{
    target(stack.auth_url);
    expect_status(DELETE(user_path(id)), 200);
}

static void test_no_dump_file_redis_or_log_holds_what_staff_is_reached_by(void **state)
{
    (void)state;
    own_stack_only();
    const char *dump = text("%s/../staff.dump", getenv("LOG_DIR")), *rdb = text("%s/../staff.rdb", getenv("LOG_DIR"));
    char *name = text("%s", unique("staff"));
    char *id = user(name, "\"phone\":\"" PHONE "\",\"email\":\"" EMAIL "\"");
    expect_known(id);
    expect_status(PATCH(user_path(id), "{\"description\":\"第二版\"}"), 200); /* an event with the row before and after */
    expect_status(call("PATCH", user_path(id), "{\"phone\":\"" PHONE "\"}", "If-Match: \"99.0\"", NULL), 412);
    struct said made = shell("/usr/lib/postgresql/15/bin/pg_dump '%s' >%s", stack.admin_db, dump);
    expect(made.status == 0, "%s", made.text);
    expect(shell("grep -qF '%s' %s", name, dump).status == 0, "not even the name is in the dump");
    expect_nowhere("pg_dump", dump);
    sql(stack.admin_db, "CHECKPOINT");
    expect_nowhere("the cluster", sql(stack.admin_db, "SHOW data_directory"));
    expect(shell("redis-cli -s '%s' --rdb %s", getenv("REDIS_SOCKET"), rdb).status == 0, "no dump of Redis");
    expect_nowhere("Redis", rdb);
    expect_nowhere("a log", getenv("LOG_DIR"));
    remove_user(id);
}

static void test_a_missing_or_wrong_key_refuses_to_start(void **state)
{
    (void)state;
    own_stack_only();
    const char *wrong = text("%s/../secrets/%s", getenv("LOG_DIR"), unique("ring")), *customers = getenv("CUSTOMER_SERVICE_DATA_KEYS_FILE");
    expect(shell("umask 077; cp %s %s", customers, wrong).status == 0, "no key ring");
    struct said none = shell("%s", service_with_keys("auth-service", "", ""));
    struct said other = shell("%s", service_with_keys("auth-service", wrong, ""));
    expect(none.status == 1 && strstr(none.text, "DATA_KEYS_FILE or DATA_KEYS is required"), "%s", none.text);
    expect(other.status == 1 && strstr(other.text, "is not the one that stored"), "%s", other.text);
}

/* The table as it was before, with somebody in it; then the migration, in a schema beside the service's. */
static void old_schema(const char *id)
{
    const char *migrations = "services/auth-service/migrations", *psql = text("psql -Xq -v ON_ERROR_STOP=1 '%s'", stack.admin_db);
    const char *begin = "SET client_min_messages = warning; DROP SCHEMA IF EXISTS released CASCADE; CREATE SCHEMA released; "
                        "SET search_path = released, public;";
    const char *insert = text("INSERT INTO users (user_id, username, password_hash, name, phone, email) "
                              "VALUES ('%s', 'old_staff', 'x', '旧人', '" PHONE "', '" EMAIL "');", id);
    struct said made = shell("{ echo \"%s\"; cat %s/000*.sql; echo \"%s\"; cat %s/0010*.sql; } | %s", begin, migrations, insert,
                             migrations, psql);
    expect(made.status == 0, "%s", made.text);
}

static void test_values_of_before_are_encrypted_and_none_is_lost(void **state)
{
    (void)state;
    own_stack_only();
    const char *id = "018f3c5e-7a10-7c3e-9b1a-013566667777";
    old_schema(id);
    assert_int_equal(sql_count(stack.admin_db, "SELECT count(*) FROM released.outbox WHERE after ?| '{phone,email}'"), 0);
    assert_int_equal(sql_count(stack.admin_db, "SELECT count(*) FROM released.outbox WHERE aggregate = 'user'"), 1);
    sql(stack.admin_db, "SET session_replication_role = replica"); /* a migration makes no event either */
    sql(stack.admin_db, "INSERT INTO auth.users (user_id, username, password_hash, name, phone, email) "
                        "SELECT user_id, username, password_hash, name, phone, email FROM released.users");
    sql(stack.admin_db, "INSERT INTO auth.data_keys (name, canary) SELECT name, canary FROM released.data_keys");
    sql(stack.admin_db, "RESET session_replication_role");
    struct said refused = shell("%s", service_with_keys("auth-service", data_keys(), ""));
    expect(refused.status == 1 && strstr(refused.text, "run the command rotate-data-keys first"), "%s", refused.text);
    long events = sql_count(stack.auth_db, "SELECT count(*) FROM outbox");
    struct said done = shell("%s", service_with_keys("auth-service", data_keys(), "rotate-data-keys"));
    expect(done.status == 0 && strstr(done.text, "nothing is in clear any more"), "%s", done.text);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM outbox"), events);
    expect_known(id);
    remove_user(id);
    sql(stack.admin_db, "SET client_min_messages = warning");
    sql(stack.admin_db, "DROP SCHEMA released CASCADE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_dump_file_redis_or_log_holds_what_staff_is_reached_by),
        cmocka_unit_test(test_a_missing_or_wrong_key_refuses_to_start),
        cmocka_unit_test(test_values_of_before_are_encrypted_and_none_is_lost),
    };
    return system_main("staff encryption", tests, COUNT(tests));
}
