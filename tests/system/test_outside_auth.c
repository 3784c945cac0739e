/* Tokens of an outside authentication system: requirement document, section 5.1; issue 5, Outside authentication. */
#include "crm.h"
#include "expect.h"
#include "jwt.h"
#include "outsider.h"
#include "pool.h"
#include "race.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIST "/api/v1/customers?size=1"
#define VIEW "[\"customer:view\"]"

static struct replica service_with(const char *one, const char *another)
{
    return replica_start("customer-service", "AUTH_MODE=external", "JWKS_URL=", "WORKERS=1", "AUTH_HS256_SECRET=" OUTSIDER_SECRET,
                         text("AUTH_VALIDATE_URL=%s/api/v1/auth/validate", outsider_url()), one, another, NULL);
}

static struct reply *ask(const struct replica *r, const char *token)
{
    return http_send(&(struct request){ .method = "GET", .url = text("%s" LIST, r->url), .token = token });
}

/* --- what it says counts ---------------------------------------------------------------------------------------------- */

static void test_permissions_come_from_validate_and_from_nothing_else(void **state)
{
    (void)state;
    struct replica r = service_with(NULL, NULL);
    outsider_is(ANSWERS, VIEW);
    expect_status(ask(&r, outsider_token("")), 200);
    outsider_is(ANSWERS, "[]");
    char *boast = outsider_token(",\"permissions\":[\"customer:view\"],\"roles\":[\"ADMIN\"]");
    struct reply *reply = ask(&r, boast);
    expect_error(reply, 403, "FORBIDDEN", "permission");
    expect_text(reply, "details.0.allowed", "customer:view");
    assert_int_equal(outsider_asked(), 1);
    assert_int_equal(replica_stop(&r), 0);
}

static void test_gateway_passes_login_on_and_believes_what_comes_of_it(void **state)
{
    (void)state;
    struct replica service = service_with(NULL, NULL);
    struct replica gateway = replica_start(
        "gateway", "AUTH_MODE=external", "JWKS_URL=", "AUTH_HS256_SECRET=" OUTSIDER_SECRET, "UPSTREAM_CHECK_MS=0",
        text("AUTH_VALIDATE_URL=%s/api/v1/auth/validate", outsider_url()), text("UPSTREAM_AUTH_SERVICE=%s", outsider_url()),
        text("UPSTREAM_CUSTOMER_SERVICE=%s", service.url), NULL);
    target(gateway.https_url);
    as(NULL);
    struct reply *r = expect_status(POST("/api/v1/auth/login", "{\"username\":\"out\",\"password\":\"x\"}"), 200);
    expect_text(r, "user_info.user_id", OUTSIDER_USER);
    outsider_is(ANSWERS, "[\"customer:view\",\"customer:create\"]");
    as(outsider_token(",\"username\":\"out\",\"name\":\"外部\""));
    expect_status(GET(LIST), 200);
    char *body = text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\"}", unique("外"));
    r = expect_status(POST("/api/v1/customers", body), 200);
    struct reply *seen = expect_status(GET(text("/api/v1/customers/%s", text_at(r, "data.customer_id"))), 200);
    expect_text(seen, "data.created_by", OUTSIDER_USER);
    expect_text(seen, "data.created_by_name", "外部");
    expect_error(DELETE(text("/api/v1/customers/%s", text_at(r, "data.customer_id"))), 403, "FORBIDDEN", "permission");
    as(stack.admin_token); /* of our own auth-service, which nobody here believes */
    expect_error(GET(LIST), 401, "UNAUTHENTICATED", "");
    as(NULL);
    expect_error(GET(LIST), 401, "UNAUTHENTICATED", "");
    assert_int_equal(replica_stop(&gateway), 0);
    assert_int_equal(replica_stop(&service), 0);
}

static void test_what_it_calls_invalid_is_refused(void **state)
{
    (void)state;
    static const enum manner manners[] = { DENIES, REFUSES };
    struct replica r = service_with("AUTH_VALIDATE_TTL_MS=0", NULL);
    char *token = outsider_token("");
    for (size_t i = 0; i < COUNT(manners); i++) {
        outsider_is(ANSWERS, VIEW);
        expect_status(ask(&r, token), 200);
        outsider_is(manners[i], "[]");
        expect_error(ask(&r, token), 401, "UNAUTHENTICATED", "");
    }
    assert_int_equal(replica_stop(&r), 0);
}

/* --- how often it is asked -------------------------------------------------------------------------------------------- */

static void test_answers_are_kept_for_each_token(void **state)
{
    (void)state;
    struct replica r = service_with("AUTH_VALIDATE_TTL_MS=600000", NULL);
    outsider_is(ANSWERS, VIEW);
    char *token = outsider_token(""), *other = outsider_token("");
    for (int i = 0; i < 20; i++) expect_status(ask(&r, token), 200);
    assert_int_equal(outsider_asked(), 1);
    for (int i = 0; i < 20; i++) expect_status(ask(&r, other), 200);
    assert_int_equal(outsider_asked(), 2);
    assert_int_equal(replica_stop(&r), 0);
}

struct denial {
    const struct replica *r;
    const char *token;
};

static bool is_forbidden(void *arg)
{
    const struct denial *d = arg;
    return ask(d->r, d->token)->status == 403;
}

static void test_a_change_there_is_known_when_the_answer_is_over(void **state)
{
    (void)state;
    struct replica r = service_with(NULL, NULL); /* the default: a second */
    char *token = outsider_token("");
    outsider_is(ANSWERS, VIEW);
    expect_status(ask(&r, token), 200);
    outsider_is(ANSWERS, "[]");
    expect(poll_until(10, is_forbidden, &(struct denial){ &r, token }), "the old answer counts for ever");
    assert_int_equal(replica_stop(&r), 0);
}

static void test_many_at_once_wait_for_one_question(void **state)
{
    (void)state;
    struct replica r = service_with("AUTH_VALIDATE_TTL_MS=600000", NULL);
    struct request requests[RACERS];
    struct reply *replies[RACERS];
    char *token = outsider_token("");
    outsider_is(ANSWERS, VIEW);
    for (int i = 0; i < RACERS; i++) requests[i] = (struct request){ .method = "GET", .url = text("%s" LIST, r.url), .token = token };
    race(requests, replies);
    for (int i = 0; i < RACERS; i++) expect_status(replies[i], 200);
    assert_int_equal(outsider_asked(), 1);
    assert_int_equal(replica_stop(&r), 0);
}

/* --- when it does not answer ------------------------------------------------------------------------------------------ */

static bool is_let_in(void *arg)
{
    const struct denial *d = arg;
    return ask(d->r, d->token)->status == 200;
}

static void test_nobody_is_let_in_unheard(void **state)
{
    (void)state;
    static const enum manner manners[] = { FAILS, TALKS_NONSENSE, HANGS };
    struct replica r = service_with("AUTH_VALIDATE_TIMEOUT_MS=100", NULL);
    for (size_t i = 0; i < COUNT(manners); i++) {
        outsider_is(manners[i], "[]");
        struct reply *reply = ask(&r, outsider_token(""));
        expect_error(reply, 503, "SERVICE_UNAVAILABLE", "");
        expect(header(reply, "Retry-After") && reply->seconds < 5, "after %.3f s", reply->seconds);
    }
    assert_int_equal(replica_stop(&r), 0);
}

static void test_breaker_spares_who_hangs_and_finds_out_when_it_is_well(void **state)
{
    (void)state;
    enum { TRIES = 40 };
    struct replica r = service_with("AUTH_VALIDATE_TIMEOUT_MS=50", NULL);
    outsider_is(ANSWERS, VIEW);
    char *token = outsider_token("");
    expect(poll_until(10, is_let_in, &(struct denial){ &r, token }), "nobody is let in");
    outsider_is(HANGS, "[]");
    for (int i = 0; i < TRIES; i++) {
        long status = ask(&r, outsider_token(""))->status;
        expect(status == 503, "%ld", status);
    }
    expect(outsider_asked() < TRIES, "asked %d times", outsider_asked());
    outsider_is(ANSWERS, VIEW);
    expect(poll_until(30, is_let_in, &(struct denial){ &r, token }), "it does not come back");
    assert_int_equal(replica_stop(&r), 0);
}

static void test_end_while_somebody_waits(void **state)
{
    (void)state;
    struct replica r = service_with("AUTH_VALIDATE_TIMEOUT_MS=60000", "DRAIN_MS=100");
    outsider_is(HANGS, "[]");
    int fd = raw_connect(r.url);
    char *request = text("GET " LIST " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", outsider_token(""));
    raw_send(fd, request, strlen(request));
    assert_true(raw_is_quiet(fd, 200));
    assert_int_equal(replica_stop(&r), 0);
    close(fd);
}

/* --- which tokens ----------------------------------------------------------------------------------------------------- */

#define GOOD OUTSIDER_SECRET
#define HEAD "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static void test_rules_for_its_tokens(void **state)
{
    (void)state;
    struct replica r = service_with("AUTH_ISSUER=elsewhere", "AUTH_AUDIENCE=crm-test");
    long now = (long)time(NULL);
    const char *who = "\"iss\":\"elsewhere\",\"sub\":\"" OUTSIDER_USER "\"";
    const struct {
        const char *what, *secret, *header, *claims;
        int status;
    } cases[] = {
        { "good", GOOD, HEAD, text("{%s,\"aud\":\"crm-test\",\"exp\":%ld}", who, now + 60), 200 },
        { "several audiences", GOOD, HEAD, text("{%s,\"aud\":[\"x\",\"crm-test\"],\"exp\":%ld}", who, now + 60), 200 },
        { "no typ, but a kid", GOOD, "{\"alg\":\"HS256\",\"kid\":\"1\"}",
          text("{%s,\"aud\":\"crm-test\",\"exp\":%ld}", who, now + 60), 200 },
        { "user_id", GOOD, HEAD,
          text("{\"iss\":\"elsewhere\",\"sub\":\"out\",\"user_id\":\"" OUTSIDER_USER "\",\"aud\":\"crm-test\",\"exp\":%ld}", now + 60),
          200 },
        { "another secret", OUTSIDER_SECRET "x", HEAD, text("{%s,\"aud\":\"crm-test\",\"exp\":%ld}", who, now + 60), 401 },
        { "empty secret", "", HEAD, text("{%s,\"aud\":\"crm-test\",\"exp\":%ld}", who, now + 60), 401 },
        { "HS512", GOOD, "{\"alg\":\"HS512\",\"typ\":\"JWT\"}", text("{%s,\"aud\":\"crm-test\",\"exp\":%ld}", who, now + 60), 401 },
        { "none", GOOD, "{\"alg\":\"none\",\"typ\":\"JWT\"}", text("{%s,\"aud\":\"crm-test\",\"exp\":%ld}", who, now + 60), 401 },
        { "a refresh token", GOOD, "{\"alg\":\"HS256\",\"typ\":\"refresh\"}",
          text("{%s,\"aud\":\"crm-test\",\"exp\":%ld}", who, now + 60), 401 },
        { "no exp", GOOD, HEAD, text("{%s,\"aud\":\"crm-test\"}", who), 401 },
        { "expired", GOOD, HEAD, text("{%s,\"aud\":\"crm-test\",\"exp\":%ld}", who, now - 60), 401 },
        { "not yet", GOOD, HEAD, text("{%s,\"aud\":\"crm-test\",\"exp\":%ld,\"nbf\":%ld}", who, now + 600, now + 300), 401 },
        { "nbf as text", GOOD, HEAD, text("{%s,\"aud\":\"crm-test\",\"exp\":%ld,\"nbf\":\"0\"}", who, now + 600), 401 },
        { "audience", GOOD, HEAD, text("{%s,\"aud\":[\"x\"],\"exp\":%ld}", who, now + 60), 401 },
        { "no audience", GOOD, HEAD, text("{%s,\"exp\":%ld}", who, now + 60), 401 },
        { "issuer", GOOD, HEAD, text("{\"sub\":\"" OUTSIDER_USER "\",\"aud\":\"crm-test\",\"exp\":%ld}", now + 60), 401 },
        { "subject", GOOD, HEAD, text("{\"iss\":\"elsewhere\",\"sub\":\"out\",\"aud\":\"crm-test\",\"exp\":%ld}", now + 60), 401 },
    };
    outsider_is(ANSWERS, VIEW);
    int good = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *reply = ask(&r, jwt_hs256(cases[i].secret, cases[i].header, cases[i].claims));
        expect(reply->status == cases[i].status, "%s: %ld", cases[i].what, reply->status);
        good += cases[i].status == 200;
    }
    assert_int_equal(outsider_asked(), good); /* nobody is asked about what does not even look good */
    assert_int_equal(replica_stop(&r), 0);
}

/* Public keys in place of a secret: here our own auth-service is the outside one. */
static void test_keys_may_be_public_ones(void **state)
{
    (void)state;
    struct replica r = replica_start("customer-service", "AUTH_MODE=external", "AUTH_ISSUER=crm-auth", "AUTH_AUDIENCE=crm",
                                     text("AUTH_VALIDATE_URL=%s/api/v1/auth/validate", stack.auth_url), NULL);
    expect_status(ask(&r, stack.admin_token), 200);
    expect_error(ask(&r, user_with_role("")), 403, "FORBIDDEN", "permission");
    expect_error(ask(&r, outsider_token("")), 401, "UNAUTHENTICATED", "");
    char *username = sql(stack.auth_db, "SELECT username FROM users ORDER BY created_time DESC LIMIT 1");
    sql(stack.auth_db, "UPDATE users SET roles = '[\"ADMIN\"]' WHERE username = '%s'", username);
    expect_status(ask(&r, token_of(username, "correct horse battery")), 200);
    assert_int_equal(replica_stop(&r), 0);
}

/* --- what it takes to start ------------------------------------------------------------------------------------------- */

static void test_weak_secrets_and_half_settings_do_not_start(void **state)
{
    (void)state;
    const char *bin = getenv("BIN_DIR") ? getenv("BIN_DIR") : "build/release/bin";
    const char *log_dir = getenv("LOG_DIR") ? getenv("LOG_DIR") : "/tmp";
    const char *out = text("%s/weak", log_dir), *file = text("%s/secret", log_dir);
    const char *url = "AUTH_VALIDATE_URL=http://127.0.0.1:1/v";
    assert_int_equal(system(text("printf 'short\\n' >%s", file)), 0);
    const struct {
        const char *settings, *says;
    } cases[] = {
        { text("%s AUTH_HS256_SECRET=short", url), "AUTH_HS256_SECRET is shorter than 32 bytes" },
        { text("%s AUTH_HS256_SECRET=kV7p-2mQx9Lr4Tz8Wc1Nb6Yd3Hf5Js0", url), "AUTH_HS256_SECRET is shorter than 32 bytes" },
        { text("%s AUTH_HS256_SECRET=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", url), "AUTH_HS256_SECRET is of too few different" },
        { text("%s AUTH_HS256_SECRET=0123456789abcdef0123456789abcdef", url), "AUTH_HS256_SECRET is a repetition" },
        { text("%s AUTH_HS256_SECRET=my-very-Secret-key-for-7-systems-9x", url), "AUTH_HS256_SECRET is a well-known word" },
        { text("%s AUTH_HS256_SECRET_FILE=%s", url, file), "AUTH_HS256_SECRET is shorter than 32 bytes" },
        { text("%s AUTH_HS256_SECRET_FILE=/nowhere", url), "AUTH_HS256_SECRET_FILE cannot be read" },
        { text("%s AUTH_HS256_SECRET=%s JWKS_URL=http://127.0.0.1:1/j", url, OUTSIDER_SECRET), "exclude each other" },
        { "AUTH_HS256_SECRET=" OUTSIDER_SECRET, "AUTH_VALIDATE_URL is required" },
        { url, "JWKS_URL is required" },
        { text("%s AUTH_HS256_SECRET=%s AUTH_DEFAULT_SCOPE=everything", url, OUTSIDER_SECRET), "AUTH_DEFAULT_SCOPE is no scope" },
        { "AUTH_MODE=elsewhere JWKS_URL=http://127.0.0.1:1/j", "AUTH_MODE is neither internal nor external" },
        { "AUTH_MODE=internal JWKS_URL=http://127.0.0.1:1/j AUTH_HS256_SECRET=" GOOD, "AUTH_HS256_SECRET is for AUTH_MODE=external" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *common = "HTTP_PORT=1 DATABASE_URL=x CURSOR_SECRET=0123456789abcdef0123456789abcdef AUTH_MODE=external";
        int status = system(text("env -i %s %s timeout 20 %s/customer-service >%s 2>&1", common, cases[i].settings, bin, out));
        expect(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%s: %d", cases[i].settings, status);
        expect(system(text("grep -q '%s' %s", cases[i].says, out)) == 0, "%s", cases[i].settings);
        expect(system(text("grep -q 'kV7p\\|aaaaaa\\|my-very' %s", out)) != 0, "%s: it tells the secret", cases[i].settings);
    }
}

static void test_secret_may_come_from_a_file(void **state)
{
    (void)state;
    const char *file = text("%s/good-secret", getenv("LOG_DIR") ? getenv("LOG_DIR") : "/tmp");
    assert_int_equal(system(text("printf '%%s\\n' '" OUTSIDER_SECRET "' >%s", file)), 0);
    struct replica r = service_with("AUTH_HS256_SECRET=", text("AUTH_HS256_SECRET_FILE=%s", file));
    outsider_is(ANSWERS, VIEW);
    expect_status(ask(&r, outsider_token("")), 200);
    assert_int_equal(replica_stop(&r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permissions_come_from_validate_and_from_nothing_else),
        cmocka_unit_test(test_gateway_passes_login_on_and_believes_what_comes_of_it),
        cmocka_unit_test(test_what_it_calls_invalid_is_refused),
        cmocka_unit_test(test_answers_are_kept_for_each_token),
        cmocka_unit_test(test_a_change_there_is_known_when_the_answer_is_over),
        cmocka_unit_test(test_many_at_once_wait_for_one_question),
        cmocka_unit_test(test_nobody_is_let_in_unheard),
        cmocka_unit_test(test_breaker_spares_who_hangs_and_finds_out_when_it_is_well),
        cmocka_unit_test(test_end_while_somebody_waits),
        cmocka_unit_test(test_rules_for_its_tokens),
        cmocka_unit_test(test_keys_may_be_public_ones),
        cmocka_unit_test(test_weak_secrets_and_half_settings_do_not_start),
        cmocka_unit_test(test_secret_may_come_from_a_file),
    };
    outsider_start();
    return system_main("outside authentication", tests, COUNT(tests));
}
