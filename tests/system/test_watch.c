/* What is not usual: it gives one alert, in log, metrics and table, and denies an address for a while where that is wanted. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "puppet.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"
#include "staff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct replica gateway_with(const char *first, const char *second, const char *third)
{
    static int n;
    const char *folder = text("/tmp/crm-watch-%d-%d", getpid(), ++n);
    return replica_start("gateway", "TRUSTED_PROXIES=127.0.0.1", text("AUDIT_FOLDER=%s", folder),
                         text("AUTH_SERVICE_URL=%s", stack.auth_url),
                         text("IP_RULES_URL=%s/internal/v1/ip-rules", stack.auth_url),
                         text("SERVICE_CLIENT_ID=%s", getenv("GATEWAY_CLIENT_ID")),
                         text("SERVICE_CLIENT_SECRET=%s", getenv("GATEWAY_CLIENT_SECRET")), first, second, third, NULL);
}

static void gateway_end(struct replica *g)
{
    assert_int_equal(replica_stop(g), 0);
    if (system(text("rm -rf /tmp/crm-watch-%d-*", getpid()))) fail_msg("cannot remove the folders");
}

static struct reply *ask(const struct replica *g, const char *address, const char *token, const char *method, const char *path,
                         const char *body)
{
    return http_send(&(struct request){ .method = method, .url = text("%s%s", g->https_url, path), .token = token, .body = body,
                                        .headers = { text("X-Forwarded-For: %s", address) } });
}

struct wanted {
    const char *rule, *subject;
    long count;
};

static bool is_told(void *arg)
{
    const struct wanted *w = arg;
    return sql_count(stack.auth_db, "SELECT count(*) FROM security_alerts WHERE rule = '%s' AND subject = '%s'", w->rule, w->subject) ==
           w->count;
}

static void expect_alerts(const char *rule, const char *subject, long count)
{
    expect(poll_until(20, is_told, &(struct wanted){ rule, subject, count }), "not %ld alerts %s of %s", count, rule, subject);
}

static void expect_alert(const char *rule, const char *subject)
{
    expect_alerts(rule, subject, 1);
}

static bool metric_is(const struct replica *g, const char *line)
{
    return has_text(http_send(&(struct request){ .method = "GET", .url = text("%s/metrics", g->url) }), line);
}

static void test_failed_logins_of_an_account_and_of_an_address(void **state)
{
    (void)state;
    struct replica g = gateway_with("WATCH_LOGIN_FAILURES_OF_ACCOUNT=3", "WATCH_LOGIN_FAILURES_OF_ADDRESS=5", "RATE_LOGIN=none");
    const char *account = unique("opfer"), *address = "198.51.100.77";
    for (int i = 0; i < 6; i++)
        ask(&g, text("198.51.100.%d", i + 1), NULL, "POST", "/api/v1/auth/login",
            text("{\"username\":\"%s\",\"password\":\"x\"}", account));
    expect_alert("LOGIN_FAILURES_OF_ACCOUNT", account);
    assert_string_equal(sql(stack.auth_db, "SELECT hits || ' ' || window_s || ' ' || subject_kind || ' ' || address FROM security_alerts "
                                           "WHERE subject = '%s'", account), "4 3600 account 198.51.100.4");
    assert_true(metric_is(&g, "security_alerts_total{rule=\"LOGIN_FAILURES_OF_ACCOUNT\"} 1\n"));
    for (int i = 0; i < 8; i++)
        ask(&g, address, NULL, "POST", "/api/v1/auth/login", text("{\"username\":\"%s\",\"password\":\"x\"}", unique("viele")));
    expect_alert("LOGIN_FAILURES_OF_ADDRESS", address);
    gateway_end(&g);
}

static void test_denials_misses_and_much_reading_of_a_user(void **state)
{
    (void)state;
    struct replica g = gateway_with("WATCH_DENIALS_OF_USER=3", "WATCH_MISSES_OF_USER=4", "WATCH_KIB_OF_USER=20");
    struct user rep = user_in("SALES_REP", department_below(NULL)), quiet = user_in("SALES_REP", department_below(NULL));
    for (int i = 0; i < 6; i++) ask(&g, "198.51.100.9", rep.token, "GET", "/api/v1/users", NULL);
    expect_alert("DENIALS_OF_USER", rep.id);
    for (int i = 0; i < 6; i++)
        ask(&g, "198.51.100.9", rep.token, "GET", text("/api/v1/customers/018f3c5e-7a10-7c3e-9b1a-2f6d8e4c000%d", i), NULL);
    expect_alert("MISSES_OF_USER", rep.id);
    for (int i = 0; i < 30; i++) ask(&g, "198.51.100.9", rep.token, "GET", "/api/v1/dictionaries/gender", NULL);
    expect_alert("KIB_OF_USER", rep.id);
    for (int i = 0; i < 3; i++) ask(&g, "198.51.100.9", quiet.token, "GET", "/api/v1/users", NULL);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM security_alerts WHERE subject = '%s'", quiet.id), 0);
    as(user_in("AUDITOR", NULL).token);
    target(stack.auth_url);
    struct reply *r = expect_status(GET(text("/api/v1/security/alerts?subject=%s&sort=time&order=asc", rep.id)), 200);
    expect_number(r, "data.total", 3);
    expect_text(r, "data.records.0.rule", "DENIALS_OF_USER");
    expect_number(r, "data.records.0.hits", 4);
    expect_status(GET(text("/api/v1/security/alerts/%s", text_at(r, "data.records.0.alert_id"))), 200);
    gateway_end(&g);
}

static void test_many_records_of_a_user(void **state)
{
    (void)state;
    struct replica g = gateway_with("WATCH_RECORDS_OF_USER=8", "RATE_USER=none", "RATE_READ=none");
    struct user rep = user_in("SALES_REP", department_below(NULL));
    as(rep.token);
    for (int i = 0; i < 3; i++) customer(unique("某"), NULL);
    struct reply *r = ask(&g, "198.51.100.9", rep.token, "GET", "/api/v1/customers", NULL);
    assert_null(header(expect_status(r, 200), "X-Records"));
    for (int i = 0; i < 3; i++) ask(&g, "198.51.100.9", rep.token, "GET", "/api/v1/customers", NULL);
    expect_alert("RECORDS_OF_USER", rep.id);
    assert_string_equal(sql(stack.auth_db, "SELECT hits FROM security_alerts WHERE subject = '%s'", rep.id), "9");
    gateway_end(&g);
}

static bool is_marked(void *id)
{
    const char *query = "SELECT count(*) FROM security_alerts WHERE alert_id = '%s' AND told_time IS NOT NULL";
    return sql_count(stack.auth_db, query, (char *)id) == 1;
}

static void test_alerts_are_posted_until_they_are_taken(void **state)
{
    (void)state;
    struct puppet hook = puppet_open();
    sql(stack.auth_db, "UPDATE security_alerts SET told_time = now()"); /* of the tests before */
    struct replica auth = replica_start("auth-service", text("SECURITY_WEBHOOK_URL=http://127.0.0.1:%d/hook?key=7", hook.port), NULL);
    char *id = sql(stack.auth_db, "INSERT INTO security_alerts (alert_id, time, rule, subject_kind, subject, hits) "
                                  "VALUES (gen_random_uuid(), now(), 'TEST', 'user', 'x', 1) RETURNING alert_id");
    static const char *const answers[] = { "503 Service Unavailable", "200 OK" };
    for (size_t i = 0; i < COUNT(answers); i++) {
        int fd = puppet_accept(&hook);
        char *head = puppet_head(fd), *length = strcasestr(head, "content-length: ");
        expect(strstr(head, "POST /hook?key=7 HTTP/1.1") == head && !strcasestr(head, "authorization") && length, "%s", head);
        char body[4096] = "";
        assert_true(recv(fd, body, (size_t)atoi(length + 16), MSG_WAITALL) > 0);
        expect(strstr(body, id) && strstr(body, "\"TEST\""), "%s", body);
        const char *answer = text("HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", answers[i]);
        raw_send(fd, answer, strlen(answer));
        assert_false(i == 0 && is_marked(id));
        sql(stack.auth_db, "UPDATE security_alerts SET told_due = now() WHERE alert_id = '%s' AND told_time IS NULL", id); /* at once */
        close(fd);
    }
    expect(poll_until(20, is_marked, id), "it is not noted that the alert was told");
    assert_int_equal(replica_stop(&auth), 0);
    puppet_close(&hook);
}

static bool is_denied(void *gateway)
{
    return ask(gateway, "198.51.100.200", stack.admin_token, "GET", "/api/v1/dictionaries/gender", NULL)->status == 403;
}

static void test_an_address_is_denied_for_a_while_when_that_is_wanted(void **state)
{
    (void)state;
    own_stack_only();
    struct replica g = gateway_with("WATCH_DENIALS_OF_ADDRESS=3", "WATCH_BLOCK_S=60", "RATE_ADDRESS=none");
    const char *address = "198.51.100.200";
    assert_false(is_denied(&g));
    for (int i = 0; i < 5; i++) expect_status(ask(&g, address, "x", "GET", "/api/v1/customers", NULL), 401);
    expect_alert("DENIALS_OF_ADDRESS", address);
    expect(poll_until(20, is_denied, &g), "the address is still admitted");
    expect_status(ask(&g, "198.51.100.201", stack.admin_token, "GET", "/api/v1/dictionaries/gender", NULL), 200);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM security_alerts a JOIN ip_rules r ON r.expires_time = a.denied_until "
                                              "WHERE a.subject = '%s' AND r.cidr = '%s/32' AND r.reason LIKE 'DENIALS_OF_ADDRESS %%' "
                                              "AND a.denied_until - a.time = interval '60 s'", address, address), 1);
    gateway_end(&g);
}

static void test_a_login_from_somewhere_new(void **state)
{
    (void)state;
    struct replica g = gateway_with("WATCH_BLOCK_S=0", "RATE_LOGIN=none", "RATE_ADDRESS=none");
    char *name = text("%s", unique("reisend"));
    user(name, NULL);
    const char *body = text("{\"username\":\"%s\",\"password\":\"%s\"}", name, STAFF_PASSWORD);
    static const char *const addresses[] = { "198.51.100.31", "198.51.100.31", "198.51.100.32", "198.51.100.32" };
    for (size_t i = 0; i < COUNT(addresses); i++) expect_status(ask(&g, addresses[i], NULL, "POST", "/api/v1/auth/login", body), 200);
    expect_alert("NEW_ADDRESS", name);
    assert_string_equal(sql(stack.auth_db, "SELECT address FROM security_alerts WHERE subject = '%s'", name), "198.51.100.32");
    gateway_end(&g);
}

static int load_countries(const char *lines)
{
    char path[] = "/tmp/crm-countries-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, lines, strlen(lines)) == (ssize_t)strlen(lines));
    close(fd);
    int status = auth_service("", text("load-countries < %s", path));
    unlink(path);
    return status;
}

static void test_a_login_from_a_new_country(void **state)
{
    (void)state;
    own_stack_only();
    assert_int_equal(load_countries("# of a test\n198.51.100.0/24,CN\n\n198.51.100.64/26 , JP\r\n2001:db8::/32,DE\n2001:db8::/32,US\n"), 0);
    struct replica g = gateway_with("WATCH_BLOCK_S=0", "RATE_LOGIN=none", "RATE_ADDRESS=none");
    char *name = text("%s", unique("weltreise"));
    user(name, NULL);
    const char *body = text("{\"username\":\"%s\",\"password\":\"%s\"}", name, STAFF_PASSWORD);
    static const char *const addresses[] = { "203.0.113.9", "198.51.100.3", "198.51.100.63", "198.51.100.64", "198.51.100.70",
                                             "2001:db8::7", "198.51.100.128" };
    for (size_t i = 0; i < COUNT(addresses); i++) expect_status(ask(&g, addresses[i], NULL, "POST", "/api/v1/auth/login", body), 200);
    expect_alerts("NEW_ADDRESS", name, COUNT(addresses) - 1); /* each record is looked at by itself */
    expect_alerts("NEW_COUNTRY", name, 2);
    as(user_in("AUDITOR", NULL).token);
    target(stack.auth_url);
    struct reply *r = expect_status(GET(text("/api/v1/security/alerts?subject=%s&rule=NEW_COUNTRY&sort=time&order=asc", name)), 200);
    expect_number(r, "data.total", 2);
    expect_text(r, "data.records.0.address", "198.51.100.64");
    expect_text(r, "data.records.0.country", "JP");
    expect_text(r, "data.records.1.country", "US");
    expect_number(GET(text("/api/v1/security/alerts?subject=%s&country=CN", name)), "data.total", 3); /* of new addresses */
    gateway_end(&g);
}

static void test_a_list_of_countries_is_taken_wholly_or_not_at_all(void **state)
{
    (void)state;
    own_stack_only();
    static const char *const bad[] = { "",          "# none\n",          "10.0.0.0/8,CN\n10.0.0.0/33,CN\n", "10.0.0.0/8,CN\nx,CN\n",
                                       "10.0.0.0/8", "10.0.0.0/8,China\n", "10.0.0.0/8,cn\n",               "10.0.0.0/8,CN,1\n" };
    assert_int_equal(load_countries("192.0.2.0/24,FR\n192.0.2.7,BE"), 0);
    for (size_t i = 0; i < COUNT(bad); i++) assert_int_not_equal(load_countries(bad[i]), 0);
    assert_string_equal(sql(stack.auth_db, "SELECT string_agg(prefix || ' ' || country, ',' ORDER BY prefix) FROM address_countries"),
                        "192.0.2.0/24 FR,192.0.2.7/32 BE");
    assert_string_equal(sql(stack.auth_db, "SELECT address_country('192.0.2.7') || coalesce(address_country('192.0.3.7'), '-') || "
                                           "coalesce(address_country('x'), '-')"), "BE--");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failed_logins_of_an_account_and_of_an_address),
        cmocka_unit_test(test_denials_misses_and_much_reading_of_a_user),
        cmocka_unit_test(test_many_records_of_a_user),
        cmocka_unit_test(test_alerts_are_posted_until_they_are_taken),
        cmocka_unit_test(test_an_address_is_denied_for_a_while_when_that_is_wanted),
        cmocka_unit_test(test_a_login_from_somewhere_new),
        cmocka_unit_test(test_a_login_from_a_new_country),
        cmocka_unit_test(test_a_list_of_countries_is_taken_wholly_or_not_at_all),
    };
    return system_main("watch", tests, COUNT(tests));
}
