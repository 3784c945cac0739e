/* The gateway: requirement document, sections 2.2 and 2.3; issue 2, gateway. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void through_gateway(void)
{
    target(stack.gateway_url);
}

/* --- TLS ---------------------------------------------------------------------------------------------------------- */

static CURLcode handshake(const char *url, long version, const char *ca)
{
    CURL *c = curl_easy_init();
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 5000L);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, version);
    curl_easy_setopt(c, CURLOPT_SSL_CIPHER_LIST, "ALL:@SECLEVEL=0"); /* the client would speak the old versions */
    if (ca) curl_easy_setopt(c, CURLOPT_CAINFO, ca);
    CURLcode code = curl_easy_perform(c);
    curl_easy_cleanup(c);
    return code;
}

static void test_gateway_speaks_tls_1_2_and_1_3_only(void **state)
{
    (void)state;
    assert_int_equal(handshake(stack.gateway_url, CURL_SSLVERSION_TLSv1_3 | CURL_SSLVERSION_MAX_TLSv1_3, stack.ca_cert),
                     CURLE_OK);
    assert_int_equal(handshake(stack.gateway_url, CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2, stack.ca_cert),
                     CURLE_OK);
    assert_int_equal(handshake(stack.gateway_url, CURL_SSLVERSION_TLSv1_1 | CURL_SSLVERSION_MAX_TLSv1_1, stack.ca_cert),
                     CURLE_SSL_CONNECT_ERROR);
    assert_int_equal(handshake(stack.gateway_url, CURL_SSLVERSION_TLSv1_0 | CURL_SSLVERSION_MAX_TLSv1_0, stack.ca_cert),
                     CURLE_SSL_CONNECT_ERROR);
}

static void test_gateway_certificate_names_this_machine_and_its_authority(void **state)
{
    (void)state;
    char *address = text("https://127.0.0.1%s", strrchr(stack.gateway_url, ':'));
    assert_int_equal(handshake(address, CURL_SSLVERSION_DEFAULT, stack.ca_cert), CURLE_OK);
    assert_int_equal(handshake(stack.gateway_url, CURL_SSLVERSION_DEFAULT, NULL), CURLE_PEER_FAILED_VERIFICATION);
}

static void test_gateway_answers_no_plain_http(void **state)
{
    (void)state;
    static const char request[] = "GET /api/v1/errors HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char *answer = raw_exchange(stack.gateway_url, request, sizeof request - 1);
    expect(raw_status(answer) == 0 && !strstr(answer, "\"code\""), "%s", answer);
}

/* --- what gets through -------------------------------------------------------------------------------------------- */

static void test_client_logs_in_and_works_with_customers(void **state)
{
    (void)state;
    through_gateway();
    as(NULL);
    struct reply *r = POST("/api/v1/auth/login", text("{\"username\":\"%s\",\"password\":\"%s\"}", stack.username, stack.password));
    expect_status(r, 200);
    assert_string_equal(keys_at(r, ""), "access_token,token_type,expires_in,user_info,refresh_token,refresh_expires_in,"
                                        "must_change_password");
    as(text_at(r, "access_token"));
    expect_status(GET("/api/v1/auth/validate"), 200);
    const char *name = unique("经网关");
    r = expect_status(
        POST("/api/v1/customers",
             text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\",\"credit_limit\":1000000.00}", name)),
        200);
    const char *path = header(r, "Location");
    expect_number(GET(text("/api/v1/customers?keyword=%s", encoded(name))), "data.total", 1);
    expect_status(PUT(path, "{\"customer_level\":\"A\"}"), 200);
    r = expect_status(GET(path), 200);
    expect(has_text(r, "\"credit_limit\":1000000.00,") && has_text(r, "\"customer_level\":\"A\""), "%s", r->body);
    expect_status(PATCH(path, "{\"customer_level\":null}"), 200);
    expect_status(DELETE(path), 200);
    expect_error(GET(path), 404, "NOT_FOUND", "");
}

static void test_gateway_changes_no_byte_and_keeps_headers(void **state)
{
    (void)state;
    char *path = customer_path(customer(unique("原样"), "\"credit_limit\":0.10,\"tags\":[\"<b>\",\"😀\"]"));
    struct reply *direct = GET(path);
    through_gateway();
    struct reply *r = GET(path);
    assert_string_equal(r->body, direct->body);
    static const char *const kept[] = { "ETag", "Content-Type" };
    for (size_t i = 0; i < COUNT(kept); i++) assert_string_equal(header(r, kept[i]), header(direct, kept[i]));
    struct reply *same =
        expect_status(call("GET", path, NULL, text("If-None-Match: %s", header(r, "ETag")), NULL), 304);
    assert_int_equal(same->len, 0);
    expect_error(call("PUT", path, "{}", "If-Match: \"99\"", NULL), 412, "VERSION_CONFLICT", "");
    char *key = text("Idempotency-Key: %s", unique("key")),
         *body = text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\"}", unique("某"));
    struct reply *first = call("POST", "/api/v1/customers", body, key, NULL),
                 *again = call("POST", "/api/v1/customers", body, key, NULL);
    assert_string_equal(first->body, again->body);
    assert_string_equal(header(again, "Idempotent-Replayed"), "true");
    expect_text(call("GET", customer_path(UUID_ABSENT), NULL, "Accept-Language: en", NULL), "message",
                "No such resource");
}

static void test_gateway_answers_head_without_a_body(void **state)
{
    (void)state;
    through_gateway();
    struct reply *r = expect_status(call("HEAD", "/api/v1/customers?size=1", NULL, NULL), 200);
    assert_int_equal(r->len, 0);
    assert_true(atoi(header(r, "Content-Length")) > 20);
}

/* --- what does not ------------------------------------------------------------------------------------------------ */

static void test_route_that_is_not_registered_is_not_found(void **state)
{
    (void)state;
    through_gateway();
    static const char *const paths[] = { "/",
                                         "/api/v1/nothing",
                                         "/api/v2/customers",
                                         "/healthz",
                                         "/readyz",
                                         "/metrics",
                                         "/openapi.json",
                                         "/api/v1/customers/x/y/z",
                                         "/internal/v1/events",
                                         "/api/v1/customers/" };
    for (size_t i = 0; i < COUNT(paths); i++) expect_error(GET(paths[i]), 404, "NOT_FOUND", "");
}

static void test_internal_methods_are_not_reachable(void **state)
{
    (void)state;
    char *arguments = text("{\"customerId\":\"%s\"}", customer("某", NULL));
    expect_status(POST("/internal/v1/getCustomerById", arguments), 200); /* there, directly */
    through_gateway();
    static const char *const methods[] = { "getCustomerById", "createCustomer", "updateCustomer", "deleteCustomer" };
    for (size_t i = 0; i < COUNT(methods); i++)
        expect_error(POST(text("/internal/v1/%s", methods[i]), arguments), 404, "NOT_FOUND", "");
    static const char *const ways[] = { "/%69nternal/v1/getCustomerById",
                                        "//internal/v1/getCustomerById",
                                        "/api/v1/../../internal/v1/getCustomerById",
                                        "/api/v1/customers/..%2f..%2f..%2finternal/v1/getCustomerById",
                                        "/INTERNAL/v1/getCustomerById",
                                        "/./internal/v1/getCustomerById",
                                        "/api/v1/customers/%2e%2e/%2e%2e/%2e%2e/internal/v1/getCustomerById",
                                        "/internal;x/v1/getCustomerById" };
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct reply *r = POST(ways[i], arguments);
        expect(r->status == 404 || r->status == 400, "%s: %ld", ways[i], r->status);
    }
}

static void test_method_that_a_route_lacks_is_told_with_allow(void **state)
{
    (void)state;
    through_gateway();
    struct reply *r = DELETE("/api/v1/customers");
    expect_error(r, 405, "METHOD_NOT_ALLOWED", "");
    expect(strstr(header(r, "Allow"), "GET") && strstr(header(r, "Allow"), "POST"), "%s", r->head);
}

static void test_gateway_demands_token_and_permission(void **state)
{
    (void)state;
    char *auditor = user_with_role("AUDITOR");
    through_gateway();
    as(NULL);
    expect_error(GET("/api/v1/customers"), 401, "UNAUTHENTICATED", "");
    expect_status(GET("/api/v1/errors"), 200);
    as(text("%.*sAAAA", (int)strlen(stack.admin_token) - 4, stack.admin_token));
    expect_error(GET("/api/v1/customers"), 401, "UNAUTHENTICATED", "");
    as(auditor);
    expect_status(GET("/api/v1/customers?size=1"), 200);
    expect_error(POST("/api/v1/customers", "{}"), 403, "FORBIDDEN", "permission");
}

/* Each operation of the published documents is registered: without a token it is 401 (or public), never 404 or 405. */
static void test_every_documented_operation_is_registered(void **state)
{
    (void)state;
    int n = 0;
    as(NULL);
    const char *const urls[] = { stack.customer_url, stack.auth_url };
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct reply *openapi = expect_status(GET(text("%s/openapi.json", urls[i])), 200);
        through_gateway();
        const cJSON *path, *operation;
        cJSON_ArrayForEach(path, at(openapi, "paths"))
        {
            if (!strncmp(path->string, "/internal/", 10)) continue;
            cJSON_ArrayForEach(operation, path)
            {
                if (!cJSON_IsObject(operation)) continue;
                char *method = text("%s", operation->string);
                for (char *p = method; *p; p++) *p = (char)(*p & ~0x20);
                struct reply *r = call(method, path->string, *method == 'P' ? "{}" : NULL, NULL);
                expect(r->status == 401 || r->status == 400 || r->status == 415 || r->status == 200, "%s: %ld", r->what, r->status);
                n++;
            }
        }
    }
    assert_true(n >= 30);
}

static void test_gateway_refuses_a_body_over_the_limit(void **state)
{
    (void)state;
    through_gateway();
    struct reply *r = POST("/api/v1/customers", repeat("x", 10 * 1000 * 1000));
    expect_error(r, 413, "BODY_TOO_LARGE", NULL);
    expect(r->seconds < 1.5, "%.3f s", r->seconds);
}

/* --- request id, log, headers ------------------------------------------------------------------------------------- */

static bool log_has(void *command)
{
    return system(command) == 0;
}

static void test_request_id_is_in_reply_and_both_logs_once(void **state)
{
    (void)state;
    own_stack_only();
    through_gateway();
    struct reply *r = call("GET", customer_path(UUID_ABSENT), NULL, "X-Request-Id: chosen-by-the-client", NULL);
    expect_error(r, 404, "NOT_FOUND", "");
    const char *id = header(r, "X-Request-Id");
    assert_string_not_equal(id, header(GET(customer_path(UUID_ABSENT)), "X-Request-Id"));
    static const char *const logs[] = { "gateway", "customer-service" };
    for (size_t i = 0; i < COUNT(logs); i++) {
        char *command = text("grep -F '%s' \"$LOG_DIR\"/%s.log | grep -q 404", id, logs[i]);
        expect(poll_until(3, log_has, command), "%s.log does not know %s", logs[i], id);
    }
    assert_int_equal(system(text("test $(grep -cF '%s' \"$LOG_DIR\"/gateway.log) = 1", id)), 0);
    expect(strlen(id) == 36 && id[14] == '7', "%s is no UUIDv7", id);
    const char *kept = "\"client_request_id\":\"chosen-by-the-client\"";
    assert_int_equal(system(text("grep -F '%s' \"$LOG_DIR\"/gateway.log | grep -qF '%s'", id, kept)), 0);
}

static void test_logs_hold_no_token_and_no_password(void **state)
{
    (void)state;
    own_stack_only();
    through_gateway();
    expect_status(GET("/api/v1/customers?size=1"), 200);
    const char *signature = strrchr(stack.admin_token, '.') + 1;
    assert_int_not_equal(system(text("grep -rqF -e '%s' -e '%s' \"$LOG_DIR\"", signature, stack.password)), 0);
}

static void test_gateway_adds_security_headers(void **state)
{
    (void)state;
    through_gateway();
    struct reply *replies[] = { GET("/api/v1/customers?size=1"), GET("/nothing") };
    for (size_t i = 0; i < COUNT(replies); i++) {
        expect(header(replies[i], "Strict-Transport-Security"), "%s", replies[i]->head);
        assert_string_equal(header(replies[i], "X-Content-Type-Options"), "nosniff");
        assert_string_equal(header(replies[i], "Cache-Control"), "no-store");
    }
}

static void test_gateway_tells_health_on_its_own_port(void **state)
{
    (void)state;
    target(stack.gateway_admin_url);
    as(NULL);
    expect_status(GET("/healthz"), 200);
    expect_status(GET("/readyz"), 200);
    expect(has_text(expect_status(GET("/metrics"), 200), "# TYPE "), "no metrics");
    expect_status(GET("/api/v1/errors"), 404);
}

/* --- a service that is gone, or hangs ----------------------------------------------------------------------------- */

static struct reply *list(void)
{
    return http_send(&(struct request){
        .method = "GET", .url = text("%s/api/v1/customers?size=1", stack.gateway_url), .token = stack.admin_token });
}

static bool list_is_200(void *arg)
{
    (void)arg;
    return list()->status == 200;
}

/* A killed process is gone only when the kernel has taken its memory and its sockets. */
static bool customer_service_is_gone(void *arg)
{
    (void)arg;
    return http_send(&(struct request){ .method = "GET",
                                        .url = text("%s/healthz", stack.customer_url),
                                        .timeout_ms = 1000,
                                        .fresh = true })
               ->error == CURLE_COULDNT_CONNECT;
}

static void test_service_that_is_gone_is_503_or_502_and_recovers(void **state)
{
    (void)state;
    own_stack_only();
    pid_t old = part_pid("CUSTOMER_SERVICE");
    part_signal("SUPERVISOR", SIGSTOP); /* nobody starts it again meanwhile */
    part_signal("CUSTOMER_SERVICE", SIGKILL);
    struct reply *first = list();
    bool gone = poll_until(10, customer_service_is_gone, NULL);
    struct reply *second = list();
    struct reply *write = http_send(&(struct request){ .method = "POST",
                                                       .url = text("%s/api/v1/customers", stack.gateway_url),
                                                       .token = stack.admin_token,
                                                       .body = "{}" });
    struct reply *other = GET(text("%s/api/v1/auth/validate", stack.gateway_url));
    part_signal("SUPERVISOR", SIGCONT);
    expect(gone, "still there");
    struct reply *replies[] = { first, second, write };
    for (size_t i = 0; i < COUNT(replies); i++) {
        expect_error(replies[i], replies[i]->status == 502 ? 502 : 503,
                     replies[i]->status == 502 ? "BAD_GATEWAY" : "SERVICE_UNAVAILABLE", "");
        expect(replies[i]->seconds < 1, "%.3f s", replies[i]->seconds);
    }
    assert_int_equal(second->status, 503);
    assert_non_null(header(second, "Retry-After"));
    expect_status(other, 200);
    expect(part_is_new("CUSTOMER_SERVICE", old, 20) && poll_until(20, list_is_200, NULL), "customers do not come back");
}

static void test_service_that_hangs_is_504_and_recovers(void **state)
{
    (void)state;
    own_stack_only();
    part_signal("CUSTOMER_SERVICE", SIGSTOP);
    struct reply *r = list();
    struct reply *other = GET(text("%s/api/v1/auth/validate", stack.gateway_url));
    part_signal("CUSTOMER_SERVICE", SIGCONT);
    expect_error(r, 504, "GATEWAY_TIMEOUT", "");
    expect(r->seconds > 4 && r->seconds < 7, "%.3f s", r->seconds);
    expect_status(other, 200);
    expect(poll_until(10, list_is_200, NULL), "customers do not come back");
}

static void test_without_auth_service_known_tokens_still_work(void **state)
{
    (void)state;
    own_stack_only();
    pid_t old = part_pid("AUTH_SERVICE");
    part_signal("SUPERVISOR", SIGSTOP);
    part_signal("AUTH_SERVICE", SIGKILL);
    struct reply *r = list();
    struct reply *login =
        POST(text("%s/api/v1/auth/login", stack.gateway_url), "{\"username\":\"a\",\"password\":\"b\"}");
    part_signal("SUPERVISOR", SIGCONT);
    expect_status(r, 200);
    expect(login->status == 502 || login->status == 503, "%ld", login->status);
    expect(part_is_new("AUTH_SERVICE", old, 20) && url_is_ready(stack.auth_url, 20), "auth-service does not come back");
    through_gateway();
    expect_status(
        POST("/api/v1/auth/login", text("{\"username\":\"%s\",\"password\":\"%s\"}", stack.username, stack.password)),
        200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gateway_speaks_tls_1_2_and_1_3_only),
        cmocka_unit_test(test_gateway_certificate_names_this_machine_and_its_authority),
        cmocka_unit_test(test_gateway_answers_no_plain_http),
        cmocka_unit_test(test_client_logs_in_and_works_with_customers),
        cmocka_unit_test(test_gateway_changes_no_byte_and_keeps_headers),
        cmocka_unit_test(test_gateway_answers_head_without_a_body),
        cmocka_unit_test(test_route_that_is_not_registered_is_not_found),
        cmocka_unit_test(test_internal_methods_are_not_reachable),
        cmocka_unit_test(test_method_that_a_route_lacks_is_told_with_allow),
        cmocka_unit_test(test_gateway_demands_token_and_permission),
        cmocka_unit_test(test_every_documented_operation_is_registered),
        cmocka_unit_test(test_gateway_refuses_a_body_over_the_limit),
        cmocka_unit_test(test_request_id_is_in_reply_and_both_logs_once),
        cmocka_unit_test(test_logs_hold_no_token_and_no_password),
        cmocka_unit_test(test_gateway_adds_security_headers),
        cmocka_unit_test(test_gateway_tells_health_on_its_own_port),
        cmocka_unit_test(test_service_that_is_gone_is_503_or_502_and_recovers),
        cmocka_unit_test(test_service_that_hangs_is_504_and_recovers),
        cmocka_unit_test(test_without_auth_service_known_tokens_still_work),
    };
    return system_main("gateway", tests, COUNT(tests));
}
