/* Access tokens and permissions: contract.md, Tokens and Access. Most tokens here are made by the tests themselves. */
#include "crm.h"
#include "expect.h"
#include "jwt.h"
#include "pool.h"
#include "puppet.h"
#include "sql.h"
#include "stack.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *signing_key(void)
{
    return sql(stack.auth_db, "SELECT private_pem FROM signing_key");
}

static char *head_with(const char *alg, const char *kid)
{
    return text("{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}", alg, kid);
}

static char *good_head(void)
{
    return head_with("ES256", sql(stack.auth_db, "SELECT kid FROM signing_key"));
}

struct claims {
    const char *iss, *aud, *sub, *permissions;
    long nbf, exp; /* seconds from now */
};
static const struct claims good = { "crm-auth", "crm", "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1e05", "[\"customer:view\"]",
                                    0,          600 };

static char *payload(struct claims c)
{
    long now = (long)time(NULL);
    return text("{\"iss\":\"%s\",\"aud\":\"%s\",\"sub\":\"%s\",\"preferred_username\":\"tester\",\"name\":\"测试\","
                "\"jti\":\"%s\",\"roles\":[\"X\"],"
                "\"permissions\":%s,\"scope\":\"all\",\"gen\":1,\"iat\":%ld,\"nbf\":%ld,\"exp\":%ld}",
                c.iss, c.aud, c.sub, unique("jti"), c.permissions, now + (c.nbf < 0 ? c.nbf : 0), now + c.nbf,
                now + c.exp);
}

static char *minted(struct claims c)
{
    return jwt_es256(signing_key(), good_head(), payload(c));
}

static void expect_refused(const char *what, const char *token)
{
    const char *urls[] = { text("%s/api/v1/customers?size=1", stack.customer_url), text("%s/api/v1/auth/validate", stack.auth_url),
                           text("%s/api/v1/auth/validate", stack.gateway_url) };
    for (size_t i = 0; i < COUNT(urls); i++) {
        as(token);
        struct reply *r = GET(urls[i]);
        if (r->status != 401) print_error("%s\n", what);
        expect_error(r, 401, "UNAUTHENTICATED", "");
        expect(header(r, "WWW-Authenticate") && !strncmp(header(r, "WWW-Authenticate"), "Bearer", 6), "%s", what);
    }
}

/* Without this one the refusals below would prove nothing. */
static void test_token_of_the_published_key_is_accepted(void **state)
{
    (void)state;
    as(minted(good));
    expect_status(GET("/api/v1/customers?size=1"), 200);
    target(stack.auth_url);
    assert_string_equal(expect_status(GET("/api/v1/auth/validate"), 200)->body,
                        "{\"valid\":true,\"permissions\":[\"customer:view\"]}");
}

static void test_token_with_another_algorithm_is_refused(void **state)
{
    (void)state;
    char *pem = signing_key(), *kid = sql(stack.auth_db, "SELECT kid FROM signing_key");
    char *jwk = sql(stack.auth_db, "SELECT public_jwk FROM signing_key");
    expect_refused("alg none", jwt_unsigned(head_with("none", kid), payload(good)));
    expect_refused("alg None", jwt_unsigned(head_with("None", kid), payload(good)));
    expect_refused("alg none without kid", jwt_unsigned("{\"alg\":\"none\",\"typ\":\"JWT\"}", payload(good)));
    expect_refused("HS256 with the public key", jwt_hs256(ec_key_public(pem), head_with("HS256", kid), payload(good)));
    expect_refused("HS256 with the JWK", jwt_hs256(jwk, head_with("HS256", kid), payload(good)));
    expect_refused("HS256 with an empty key", jwt_hs256("", head_with("HS256", kid), payload(good)));
    expect_refused("ES384 in name", jwt_es256(pem, head_with("ES384", kid), payload(good)));
    expect_refused("none with an ES256 signature", jwt_es256(pem, head_with("none", kid), payload(good)));
}

static void test_token_of_another_key_is_refused(void **state)
{
    (void)state;
    char *other = ec_key_new(), *kid = sql(stack.auth_db, "SELECT kid FROM signing_key");
    char *jwk = sql(stack.auth_db, "SELECT public_jwk FROM signing_key");
    expect_refused("another key", jwt_es256(other, good_head(), payload(good)));
    expect_refused("unknown kid", jwt_es256(signing_key(), head_with("ES256", "no-such-key"), payload(good)));
    expect_refused("no kid", jwt_es256(signing_key(), "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", payload(good)));
    expect_refused("kid as a path", jwt_es256(other, head_with("ES256", "../../dev/null"), payload(good)));
    expect_refused("its own key in the header",
                   jwt_es256(signing_key(),
                             text("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"jwk\":%s}", kid, jwk),
                             payload(good)));
    expect_refused(
        "a critical extension",
        jwt_es256(signing_key(),
                  text("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"crit\":[\"b64\"],\"b64\":false}", kid),
                  payload(good)));
}

/* Wherever a token says that its key is to be had, nobody goes there; and what names a key that nobody has starts no search. */
static void test_token_makes_nobody_call_out(void **state)
{
    (void)state;
    static const char *const claims[] = { "\"jku\":\"%s\"", "\"x5u\":\"%s\"", "\"jwk\":{\"kty\":\"EC\"},\"jku\":\"%s\"" };
    struct puppet evil = puppet_open();
    char *url = text("http://127.0.0.1:%d/keys", evil.port), *kid = sql(stack.auth_db, "SELECT kid FROM signing_key");
    for (size_t i = 0; i < COUNT(claims); i++) {
        char *more = text("%.*s%s%s", (int)(strstr(claims[i], "%s") - claims[i]), claims[i], url, strstr(claims[i], "%s") + 2);
        const char *kids[] = { kid, "elsewhere", url };
        for (size_t k = 0; k < COUNT(kids); k++)
            expect_refused(more, jwt_es256(ec_key_new(), text("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",%s}", kids[k], more),
                                           payload(good)));
    }
    expect(poll(&(struct pollfd){ evil.fd, POLLIN, 0 }, 1, 200) == 0, "somebody called");
    puppet_close(&evil);
}

/* Times that the public keys were asked for, whoever did. */
static long jwks_asked(void)
{
    struct reply *r = expect_status(GET(text("%s/metrics", stack.auth_url)), 200);
    const char *count = strstr(r->body, "\nhttp_requests_total{operation=\"getJwks\",status=\"2xx\"} ");
    return count ? strtol(strchr(count, ' '), NULL, 10) : 0;
}

static void test_unknown_key_starts_no_search(void **state)
{
    (void)state;
    enum { TOKENS = 100 };
    long before = jwks_asked();
    char *pem = ec_key_new();
    for (int i = 0; i < TOKENS; i++) expect_refused("unknown kid", jwt_es256(pem, head_with("ES256", unique("kid")), payload(good)));
    expect(jwks_asked() - before < TOKENS / 2, "asked %ld times", jwks_asked() - before); /* all processes ask now and then */
}

static void test_token_with_a_wrong_claim_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *what;
        struct claims c;
    } cases[] = {
        { "issuer", { "somebody", good.aud, good.sub, good.permissions, 0, 600 } },
        { "audience", { good.iss, "shop", good.sub, good.permissions, 0, 600 } },
        { "subject", { good.iss, good.aud, "admin", good.permissions, 0, 600 } },
        { "permissions", { good.iss, good.aud, good.sub, "\"customer:view\"", 0, 600 } },
        { "expired", { good.iss, good.aud, good.sub, good.permissions, -600, -40 } },
        { "not yet valid", { good.iss, good.aud, good.sub, good.permissions, 60, 600 } },
    };
    for (size_t i = 0; i < COUNT(cases); i++) expect_refused(cases[i].what, minted(cases[i].c));
    char *pem = signing_key();
    expect_refused(
        "no exp", jwt_es256(pem, good_head(),
                            "{\"iss\":\"crm-auth\",\"aud\":\"crm\",\"sub\":\"018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1e05\"}"));
    char *once = payload(good);
    expect_refused("a claim twice",
                   jwt_es256(pem, good_head(), text("%.*s,\"sub\":\"%s\"}", (int)strlen(once) - 1, once, good.sub)));
    expect_refused("exp as text", jwt_es256(pem, good_head(), text("%s", "{\"exp\":\"9999999999\"}")));
    expect_refused("typ", jwt_es256(pem,
                                    text("{\"alg\":\"ES256\",\"typ\":\"refresh\",\"kid\":\"%s\"}",
                                         sql(stack.auth_db, "SELECT kid FROM signing_key")),
                                    payload(good)));
}

static void test_token_is_good_for_the_leeway_of_30_seconds(void **state)
{
    (void)state;
    as(minted((struct claims){ good.iss, good.aud, good.sub, good.permissions, -600, -15 }));
    expect_status(GET("/api/v1/customers?size=1"), 200);
    as(minted((struct claims){ good.iss, good.aud, good.sub, good.permissions, 15, 600 }));
    expect_status(GET("/api/v1/customers?size=1"), 200);
}

static void test_token_that_was_changed_is_refused(void **state)
{
    (void)state;
    char *token = minted(good), *dot = strchr(token, '.'), *second = strchr(dot + 1, '.');
    struct claims more = good;
    more.permissions = "[\"customer:view\",\"customer:delete\"]";
    char *changed = payload(more);
    expect_refused("another payload",
                   text("%.*s.%s%s", (int)(dot - token), token, base64url(changed, strlen(changed)), second));
    for (char *at = second + 1; *at; at += strnlen(at, 17)) {
        char *flipped = text("%s", token);
        flipped[at - token] = *at == 'A' ? 'B' : 'A';
        expect_refused("a changed signature", flipped);
    }
    expect_refused("a shorter signature", text("%.*s", (int)strlen(token) - 4, token));
    expect_refused("no signature", text("%.*s", (int)(second + 1 - token), token));
    expect_refused("two parts", text("%.*s", (int)(second - token), token));
    expect_refused("four parts", text("%s.e30", token));
    expect_refused("a padded signature", text("%s==", token));
    expect_refused("a padded payload", text("%.*s=%s", (int)(second - token), token, second));
    expect_refused("a padded header", text("%.*s=%s", (int)(dot - token), token, dot));
    expect_refused("two signatures", text("%s%s", token, second));
    expect_refused("two payloads", text("%.*s%s", (int)(second - token), token, dot));
    expect_refused("5000 bytes", repeat("e30.e", 1000));
    expect_refused("not base64", "!.?.*");
}

static void test_request_without_a_token_is_refused(void **state)
{
    (void)state;
    const char *const headers[] = { "X-Nothing: 1",          "Authorization: Bearer ",
                                    "Authorization: Bearer", "Authorization: Basic YWRtaW46YWRtaW4=",
                                    "Authorization: ",       "authorization: bearer x" };
    as(NULL);
    for (size_t i = 0; i < COUNT(headers); i++)
        expect_error(call("GET", "/api/v1/customers", NULL, headers[i], NULL), 401, "UNAUTHENTICATED", "");
    expect_error(GET(text("/api/v1/customers?access_token=%s", stack.admin_token)), 401, "UNAUTHENTICATED", "");
}

/* --- every operation ---------------------------------------------------------------------------------------------- */

static bool is_public(const cJSON *operation)
{
    const cJSON *security = cJSON_GetObjectItemCaseSensitive(operation, "security");
    return security && cJSON_GetArraySize(security) == 0;
}

/* Calls every operation that the service publishes and is not public; returns how many. */
static int every_operation(const char *token, void (*judge)(struct reply *r))
{
    int n = 0;
    const cJSON *path, *operation;
    as(NULL);
    struct reply *openapi = expect_status(GET("/openapi.json"), 200);
    as(token);
    cJSON_ArrayForEach(path, at(openapi, "paths"))
    {
        char *url = text("%s", path->string), *open = strchr(url, '{');
        if (open) url = text("%.*s%s%s", (int)(open - url), url, UUID_ABSENT, strchr(open, '}') + 1);
        cJSON_ArrayForEach(operation, path)
        {
            if (!cJSON_IsObject(operation) || is_public(operation)) continue;
            char *method = text("%s", operation->string);
            for (char *p = method; *p; p++) *p = (char)(*p & ~0x20);
            judge(call(method, url, strchr("PD", *method) ? "{}" : NULL, NULL));
            n++;
        }
    }
    return n;
}

static void judge_401(struct reply *r)
{
    expect_error(r, 401, "UNAUTHENTICATED", "");
}

static void judge_403(struct reply *r)
{
    if (strstr(r->what, "/dictionaries"))
        expect(r->status == 200 || r->status == 404, "%s: %ld", r->what, r->status); /* for anybody who has logged in */
    else
        expect_error(r, 403, "FORBIDDEN", "permission");
}

static void test_every_operation_demands_a_token(void **state)
{
    (void)state;
    assert_true(every_operation(NULL, judge_401) >= 30);
}

static void test_every_operation_demands_its_permission(void **state)
{
    (void)state;
    struct claims nobody = good;
    nobody.permissions = "[\"order:view\"]";
    assert_true(every_operation(minted(nobody), judge_403) >= 30);
}

static void test_auditor_may_look_and_not_touch(void **state)
{
    (void)state;
    char *id = customer(unique("审计"), NULL);
    as(user_with_role("AUDITOR"));
    expect_status(GET(customer_path(id)), 200);
    const struct {
        const char *method, *path, *body, *needs;
    } cases[] = {
        { "POST", "/api/v1/customers", "{\"customer_name\":\"x\",\"customer_type\":\"企业\"}", "customer:create" },
        { "PUT", customer_path(id), "{\"customer_name\":\"x\"}", "customer:update" },
        { "PATCH", customer_path(id), "{\"customer_name\":\"x\"}", "customer:update" },
        { "DELETE", customer_path(id), NULL, "customer:delete" },
        { "POST", text("%s/restore", customer_path(id)), "{}", "customer:delete" },
        { "POST", "/api/v1/industries", "{}", "dictionary:manage" },
        { "POST", "/internal/v1/deleteCustomer", text("{\"customerId\":\"%s\"}", id), "customer:delete" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r = call(cases[i].method, cases[i].path, cases[i].body, NULL);
        expect_error(r, 403, "FORBIDDEN", "permission");
        expect_text(r, "details.0.allowed", cases[i].needs);
    }
    as(stack.admin_token);
    expect_number(GET(customer_path(id)), "data.version", 1);
}

static void test_permission_is_judged_before_the_record_is_looked_for(void **state)
{
    (void)state;
    as(user_with_role("AUDITOR"));
    expect_error(DELETE(customer_path(UUID_ABSENT)), 403, "FORBIDDEN", "permission");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_of_the_published_key_is_accepted),
        cmocka_unit_test(test_token_with_another_algorithm_is_refused),
        cmocka_unit_test(test_token_of_another_key_is_refused),
        cmocka_unit_test(test_token_makes_nobody_call_out),
        cmocka_unit_test(test_unknown_key_starts_no_search),
        cmocka_unit_test(test_token_with_a_wrong_claim_is_refused),
        cmocka_unit_test(test_token_is_good_for_the_leeway_of_30_seconds),
        cmocka_unit_test(test_token_that_was_changed_is_refused),
        cmocka_unit_test(test_request_without_a_token_is_refused),
        cmocka_unit_test(test_every_operation_demands_a_token),
        cmocka_unit_test(test_every_operation_demands_its_permission),
        cmocka_unit_test(test_auditor_may_look_and_not_touch),
        cmocka_unit_test(test_permission_is_judged_before_the_record_is_looked_for),
    };
    return system_main("tokens", tests, COUNT(tests));
}
