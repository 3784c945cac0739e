/* From which addresses the gateway lets requests in: by its settings, and by rules that administrators make. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_PATH "/api/v1/dictionaries/gender" /* for anybody who has a token */
#define THROUGH_US "TRUSTED_PROXIES=127.0.0.1"  /* this machine says who asks */

static struct reply *ask_from(const struct replica *g, const char *address, const char *method, const char *path, const char *body)
{
    return http_send(&(struct request){ .method = method, .url = text("%s%s", g->https_url, path), .token = stack.admin_token, .body = body,
                                        .headers = { text("X-Forwarded-For: %s", address) } });
}

static struct reply *read_from(const struct replica *g, const char *address)
{
    return ask_from(g, address, "GET", READ_PATH, NULL);
}

static struct reply *login_from(const struct replica *g, const char *address)
{
    return ask_from(g, address, "POST", "/api/v1/auth/login", "{}"); /* 400 when it is let in */
}

static void expect_denied(struct reply *r)
{
    expect_error(r, 403, "FORBIDDEN", "address");
}

static int denials(const struct replica *g, const char *by)
{
    const struct request metrics = { .method = "GET", .url = text("%s/metrics", g->url) };
    const char *at = strstr(http_send(&metrics)->body, text("address_denials_total{by=\"%s\"} ", by));
    return at ? atoi(strchr(at, '}') + 2) : -1;
}

/* --- settings ------------------------------------------------------------------------------------------------------------- */

static void test_lists_of_the_settings(void **state)
{
    (void)state;
    struct replica g = replica_start("gateway", THROUGH_US, "IP_DENY=203.0.113.0/24, 2001:db8::/32", "IP_ALLOW_LOGIN=203.0.113.7", NULL);
    expect_status(read_from(&g, "198.51.100.1"), 200);
    const char *const denied[] = { "203.0.113.7", "203.0.113.200", "::ffff:203.0.113.9", "2001:db8:1::1", "[2001:db8:1::1]:4711" };
    for (size_t i = 0; i < COUNT(denied); i++) expect_denied(read_from(&g, denied[i]));
    assert_int_equal(denials(&g, "setting"), COUNT(denied));
    expect_status(login_from(&g, "203.0.113.7"), 400);
    expect_denied(login_from(&g, "198.51.100.1")); /* only that one logs in */
}

static void test_nobody_evades_a_list(void **state)
{
    (void)state;
    struct replica g = replica_start("gateway", "TRUSTED_PROXIES=127.0.0.2", "IP_DENY_READ=127.0.0.3", NULL);
    static const char *const tricks[] = { "X-Forwarded-For: 198.51.100.1", "X-Real-IP: 198.51.100.1", "Forwarded: for=198.51.100.1",
                                          "X-Forwarded-For: 127.0.0.2, 198.51.100.1" };
    static const char *const paths[] = { READ_PATH, "/api/v1/./dictionaries/gender", "/api/v1/dictionaries/%67ender" };
    for (size_t i = 0; i < COUNT(tricks); i++)
        for (size_t p = 0; p < COUNT(paths); p++) {
            const char *bytes = text("GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n", paths[p],
                                     stack.admin_token, tricks[i]);
            int fd = raw_connect_from("127.0.0.3", g.plain_url);
            raw_send(fd, bytes, strlen(bytes));
            const char *answer = raw_reply(fd);
            int status = raw_status(answer);
            expect(status == 403 || (status == 400 && p == 1), "%s with %s: %s", paths[p], tricks[i], answer);
            close(fd);
        }
}

static char conf[] = "/tmp/crm-addresses-XXXXXX";

static void conf_write(const char *lines)
{
    FILE *f = fopen(conf, "w");
    if (!f || fputs(lines, f) < 0 || fclose(f)) fail_msg("cannot write %s", conf);
}

struct question {
    const struct replica *gateway;
    long status;
};

static bool is_answered_so(void *arg)
{
    const struct question *q = arg;
    return read_from(q->gateway, "203.0.113.7")->status == q->status;
}

static void test_lists_are_reloaded(void **state)
{
    (void)state;
    int fd = mkstemp(conf);
    if (fd < 0 || close(fd)) fail_msg("no file");
    conf_write("IP_DENY=203.0.113.7\n");
    struct replica g = replica_start("gateway", THROUGH_US, text("CONFIG_FILE=%s", conf), NULL);
    expect_denied(read_from(&g, "203.0.113.7"));
    conf_write("IP_DENY=203.0.113.7/33\n"); /* malformed: what is there stays */
    kill(g.pid, SIGHUP);
    expect_denied(read_from(&g, "203.0.113.7"));
    conf_write("IP_DENY=203.0.113.8\n");
    kill(g.pid, SIGHUP);
    expect(poll_until(20, is_answered_so, &(struct question){ &g, 200 }), "the list is not reloaded");
    unlink(conf);
}

/* --- rules ------------------------------------------------------------------------------------------------------------------ */

static char *rule(const char *cidr, const char *action, const char *more)
{
    target(stack.auth_url);
    struct reply *r = POST("/api/v1/ip-rules", text("{\"cidr\":\"%s\",\"action\":\"%s\",\"reason\":\"测试\"%s}", cidr, action, more));
    expect_status(r, 200);
    return text("%s", text_at(r, "data.rule_id"));
}

static char *rule_path(const char *id, const char *more)
{
    return text("/api/v1/ip-rules/%s%s", id, more);
}

static void test_rules_hold_within_seconds(void **state)
{
    (void)state;
    own_stack_only();
    struct replica g = replica_start("gateway", THROUGH_US, text("IP_RULES_URL=%s/internal/v1/ip-rules", stack.auth_url), NULL);
    expect_status(read_from(&g, "203.0.113.7"), 200);
    char *id = rule("203.0.113.0/24", "拒绝", "");
    expect(poll_until(20, is_answered_so, &(struct question){ &g, 403 }), "the rule does not hold");
    assert_true(denials(&g, "rule") > 0);
    expect_status(read_from(&g, "198.51.100.1"), 200);
    expect_status(PATCH(rule_path(id, ""), "{\"route_class\":\"登录\"}"), 200);
    expect(poll_until(20, is_answered_so, &(struct question){ &g, 200 }), "the rule is not another");
    expect_denied(login_from(&g, "203.0.113.7"));
    expect_status(PATCH(rule_path(id, ""), "{\"route_class\":\"全部\"}"), 200);
    expect(poll_until(20, is_answered_so, &(struct question){ &g, 403 }), "the rule does not hold again");
    expect_status(DELETE(rule_path(id, "")), 200);
    expect(poll_until(20, is_answered_so, &(struct question){ &g, 200 }), "the rule stays");
    char *soon = sql(stack.auth_db, "SELECT to_char((now() + interval '3 s') AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS')");
    id = rule("203.0.113.7", "DENY", text(",\"expires_time\":\"%s\"", soon));
    expect(poll_until(3, is_answered_so, &(struct question){ &g, 403 }), "a rule of some seconds does not hold");
    expect(poll_until(20, is_answered_so, &(struct question){ &g, 200 }), "it does not end");
    expect_status(DELETE(rule_path(id, "")), 200);
}

static void test_rules_stay_while_auth_service_is_away(void **state)
{
    (void)state;
    own_stack_only();
    struct replica auth = replica_start("auth-service", NULL);
    struct replica g = replica_start("gateway", THROUGH_US, text("IP_RULES_URL=%s/internal/v1/ip-rules", auth.url), NULL);
    char *id = rule("203.0.113.7", "拒绝", "");
    expect(poll_until(20, is_answered_so, &(struct question){ &g, 403 }), "the rule does not hold");
    replica_stop(&auth);
    for (int i = 0; i < 5; i++) expect_denied(read_from(&g, "203.0.113.7"));
    expect_status(read_from(&g, "198.51.100.1"), 200);
    expect_status(DELETE(rule_path(id, "")), 200);
}

static void test_rules_are_judged(void **state)
{
    (void)state;
    target(stack.auth_url);
    const struct {
        const char *body;
        int status;
        const char *fields;
    } cases[] = {
        { "{}", 400, "cidr,action,reason" },
        { "{\"cidr\":\"300.0.0.1\",\"action\":\"拒绝\",\"reason\":\"x\"}", 422, "cidr" },
        { "{\"cidr\":\"10.0.0.1/8\",\"action\":\"拒绝\",\"reason\":\"x\"}", 422, "cidr" },
        { "{\"cidr\":\"::ffff:10.0.0.0/104\",\"action\":\"拒绝\",\"reason\":\"x\"}", 422, "cidr" },
        { "{\"cidr\":\"10.0.0.0/8\",\"action\":\"也许\",\"route_class\":\"x\",\"reason\":\"x\"}", 400, "action,route_class" },
        { "{\"cidr\":\"127.0.0.0/8\",\"action\":\"拒绝\",\"reason\":\"把自己关在外面\"}", 422, "cidr" },
        { "{\"cidr\":\"10.0.0.0/8\",\"action\":\"允许\",\"reason\":\"把自己关在外面\"}", 422, "cidr" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) expect_error(POST("/api/v1/ip-rules", cases[i].body), cases[i].status, NULL, cases[i].fields);
    char *id = rule("203.000.113.9", "DENY", "");
    struct reply *r = expect_status(GET(rule_path(id, "")), 200);
    expect_text(r, "data.cidr", "203.0.113.9/32");
    expect_text(r, "data.action", "拒绝");
    expect_text(r, "data.route_class", "全部");
    expect_error(POST("/api/v1/ip-rules", "{\"cidr\":\"203.0.113.9\",\"action\":\"允许\",\"reason\":\"x\"}"), 409, "DUPLICATE", "cidr");
    expect_number(GET("/api/v1/ip-rules?keyword=203.0.113.9"), "data.total", 1);
    expect_error(PATCH(rule_path(id, ""), "{\"cidr\":\"127.0.0.1\"}"), 422, "RULE_VIOLATED", "cidr");
    expect_status(DELETE(rule_path(id, "")), 200);
    expect_status(POST(rule_path(id, "/restore"), "{}"), 200);
    expect_status(DELETE(rule_path(id, "")), 200);
    as(user_with_role("SALES_DIRECTOR"));
    expect_error(GET("/api/v1/ip-rules"), 403, "FORBIDDEN", "permission");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_of_the_settings),      cmocka_unit_test(test_nobody_evades_a_list),
        cmocka_unit_test(test_lists_are_reloaded),         cmocka_unit_test(test_rules_hold_within_seconds),
        cmocka_unit_test(test_rules_stay_while_auth_service_is_away), cmocka_unit_test(test_rules_are_judged),
    };
    return system_main("addresses", tests, COUNT(tests));
}
