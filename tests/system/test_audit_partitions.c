/* The audit's records are in a partition for each month: how those of a day each became one, and how they are listed. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "replica.h"
#include "shell.h"
#include "sql.h"
#include "stack.h"

#define MIGRATIONS "services/auth-service/migrations"

/* --- from days to months ---------------------------------------------------------------------------------------------------------- */

/* What a shell command prints, in a schema beside the service's; what that says. */
static char *in_released(const char *command)
{
    struct said s = shell("%s | PGOPTIONS='-c search_path=released,public -c client_min_messages=warning' "
                          "psql -XqAt -v ON_ERROR_STOP=1 '%s'", command, stack.admin_db);
    expect(s.status == 0, "%s", s.text);
    return s.text;
}

static char *released(const char *statement)
{
    return in_released(text("echo \"%s\"", statement));
}

static void expect_released(const char *statement, const char *want)
{
    assert_string_equal(released(statement), text("%s\n", want));
}

static void add(const char *day, int count)
{
    expect_released(text("SELECT audit_add(jsonb_agg(jsonb_build_object('log_id', gen_random_uuid(), "
                         "'time', '%s'::timestamptz + n * interval '1 s', 'method', 'POST', 'operation', 'login', 'username', 'u' || n, "
                         "'path', '/', 'address', '192.0.2.1', 'status', 200, 'latency_us', 1)), gen_random_uuid()) "
                         "FROM generate_series(1, %d) n", day, count),
                    text("%d", count));
}

static void test_days_of_before_become_months(void **state)
{
    (void)state;
    own_stack_only();
    released("DROP SCHEMA IF EXISTS released CASCADE; CREATE SCHEMA released");
    in_released("cat " MIGRATIONS "/00[01]*.sql " MIGRATIONS "/002[0-4]*.sql");
    add("2020-01-30T23:59:50Z", 20); /* half of them on the next day */
    add("2020-02-29T12:00:00Z", 5);
    static const char all[] = "SELECT md5(string_agg(r::text, '' ORDER BY day, sequence)) FROM audit_records r",
                      partitions[] = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class "
                                     "JOIN pg_inherits i ON i.inhrelid = pg_class.oid WHERE i.inhparent = 'audit_records'::regclass",
                      days[] = "SELECT string_agg(d || ': ' || records || ' ' || coalesce(broken::text, 'whole'), ', ' ORDER BY d) "
                               "FROM unnest('{2020-01-30,2020-01-31,2020-02-29}'::date[]) d, audit_verify(d)";
    expect_released(partitions, "audit_records_20200130 audit_records_20200131 audit_records_20200229");
    char *before = released(all);
    released("INSERT INTO address_countries VALUES ('192.0.2.0/24', 'ZZ')");
    in_released("cat " MIGRATIONS "/0025*.sql");
    expect_released(partitions, "audit_records_202001 audit_records_202002");
    assert_string_equal(released(all), before);
    expect_released("SELECT count(*) FROM login_countries", "0"); /* no login was looked at again */
    add("2020-01-30T10:00:00Z", 3);
    add("2020-03-01T00:00:00Z", 1); /* u1 again */
    expect_released(days, "2020-01-30: 12 whole, 2020-01-31: 11 whole, 2020-02-29: 5 whole");
    expect_released(partitions, "audit_records_202001 audit_records_202002 audit_records_202003");
    expect_released("SELECT count(*) FROM login_countries", "3"); /* those that came since were */
    released("DROP SCHEMA released CASCADE");
}

/* --- lists -------------------------------------------------------------------------------------------------------------------------- */

/* In each connection that auth-service opens from now on. */
static void auto_explain(bool is_on)
{
    static const char *const settings[][2] = { { "session_preload_libraries", "auto_explain" }, { "auto_explain.log_min_duration", "0" } };
    for (size_t i = 0; i < COUNT(settings); i++)
        sql(stack.admin_db, "ALTER ROLE auth_service SET %s = %s", settings[i][0], is_on ? settings[i][1] : "DEFAULT");
}

/* A plan for any value tells its parameter, one for this value the value. */
static void test_a_list_is_planned_once_whatever_is_asked_for(void **state)
{
    (void)state;
    own_stack_only();
    auto_explain(true);
    struct replica r = replica_start("auth-service", "WORKERS=1", NULL);
    target(r.url);
    expect_status(GET("/api/v1/audit-logs?status=418"), 200);
    expect_status(GET("/api/v1/audit-logs?status=418&method=PATCH&username=nobody"), 200);
    auto_explain(false);
    replica_stop(&r);
    assert_int_equal(shell("grep -aqF '(status = $' \"$LOG_DIR\"/postgres.log").status, 0);
    assert_int_equal(shell("grep -aqF '(status = 418)' \"$LOG_DIR\"/postgres.log").status, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_of_before_become_months),
        cmocka_unit_test(test_a_list_is_planned_once_whatever_is_asked_for),
    };
    return system_main("audit-partitions", tests, COUNT(tests));
}
