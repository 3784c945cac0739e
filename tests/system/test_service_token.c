/* Tokens of programs: issue 5, Internal calls; RFC 6749 section 4.4. */
#include "crm.h"
#include "expect.h"
#include "jwt.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define FORM "Content-Type: application/x-www-form-urlencoded"

struct client {
    char *id, *secret;
};

/* What the command prints, both streams; its exit status. */
static int command(const char *arguments, char **ret_out)
{
    const char *bin = getenv("BIN_DIR") ? getenv("BIN_DIR") : "build/release/bin";
    FILE *f = popen(text("DATABASE_URL='%s' %s/auth-service create-client %s 2>&1", stack.auth_db, bin, arguments), "r");
    char out[4096] = "";
    size_t n = f ? fread(out, 1, sizeof out - 1, f) : 0;
    out[n] = 0;
    *ret_out = text("%s", out);
    int status = f ? pclose(f) : -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static struct client client_new(const char *name, const char *audience, const char *permissions)
{
    char *out, id[64], secret[64];
    int status = command(text("--name '%s' --audience %s --permissions %s", name, audience, permissions), &out);
    expect(status == 0 && sscanf(out, "client_id=%63s\nclient_secret=%63s", id, secret) == 2, "%d: %s", status, out);
    return (struct client){ text("%s", id), text("%s", secret) };
}

static struct reply *ask_token(const struct client *c, const char *audience)
{
    target(stack.gateway_url);
    as(NULL);
    return call("POST", "/api/v1/auth/token",
                text("grant_type=client_credentials&audience=%s&client_id=%s&client_secret=%s", audience, c->id, c->secret), FORM, NULL);
}

static char *token_for(const struct client *c, const char *audience)
{
    struct reply *r = expect_status(ask_token(c, audience), 200);
    assert_string_equal(keys_at(r, ""), "access_token,token_type,expires_in");
    expect_text(r, "token_type", "bearer");
    assert_string_equal(header(r, "Cache-Control"), "no-store");
    return text("%s", text_at(r, "access_token"));
}

static struct reply *at_url(const char *url, const char *path, const char *token)
{
    return http_send(&(struct request){ .method = "GET", .url = text("%s%s", url, path), .token = token });
}

/* --- where it is good ------------------------------------------------------------------------------------------------- */

static void test_token_for_a_service_is_good_there_alone(void **state)
{
    (void)state;
    char *id = customer(unique("某"), NULL);
    struct client c = client_new(unique("reports"), "customer-service,auth-service,crm", "customer:view");
    char *token = token_for(&c, "customer-service");
    target(stack.customer_url);
    as(token);
    expect_status(POST("/internal/v1/getCustomerById", text("{\"customerId\":\"%s\"}", id)), 200);
    expect_status(GET(customer_path(id)), 200);
    struct reply *r = POST("/internal/v1/deleteCustomer", text("{\"customerId\":\"%s\"}", id));
    expect_error(r, 403, "FORBIDDEN", "permission");
    expect_error(at_url(stack.auth_url, "/api/v1/auth/validate", token), 401, "UNAUTHENTICATED", "");
    expect_error(at_url(stack.gateway_url, customer_path(id), token), 401, "UNAUTHENTICATED", "");
    expect_status(at_url(stack.auth_url, "/api/v1/auth/validate", token_for(&c, "auth-service")), 200);
    char *everywhere = token_for(&c, "crm");
    expect_status(at_url(stack.gateway_url, customer_path(id), everywhere), 200);
    expect_status(at_url(stack.customer_url, customer_path(id), everywhere), 200);
}

/* A user's token is for all; one that says that it is for a service alone is none of ours. */
static void test_only_programs_have_tokens_for_a_service(void **state)
{
    (void)state;
    static const char *const clients[] = { "", ",\"client_id\":\"018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1e06\"",
                                           ",\"client_id\":\"018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1e05\"" };
    long now = (long)time(NULL);
    for (size_t i = 0; i < COUNT(clients); i++) {
        char *token = jwt_es256(sql(stack.auth_db, "SELECT private_pem FROM signing_key"),
                                text("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
                                     sql(stack.auth_db, "SELECT kid FROM signing_key")),
                                text("{\"iss\":\"crm-auth\",\"aud\":\"customer-service\",\"sub\":\"018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1e05\","
                                     "\"preferred_username\":\"x\",\"name\":\"x\",\"jti\":\"%s\",\"roles\":[],"
                                     "\"permissions\":[\"customer:view\"],\"scope\":\"all\",\"gen\":1,"
                                     "\"iat\":%ld,\"nbf\":%ld,\"exp\":%ld%s}",
                                     unique("jti"), now, now, now + 60, clients[i]));
        expect(at_url(stack.customer_url, "/api/v1/customers?size=1", token)->status == (i == 2 ? 200 : 401), "%zu", i);
    }
}

static void test_program_is_named_where_it_writes(void **state)
{
    (void)state;
    const char *name = unique("importer");
    struct client c = client_new(name, "customer-service", "customer:create,customer:view");
    char *token = token_for(&c, "customer-service");
    target(stack.customer_url);
    as(token);
    struct reply *r = expect_status(
        POST("/internal/v1/createCustomer",
             text("{\"customerDTO\":{\"customer_name\":\"%s\",\"customer_type\":\"企业\"}}", unique("某"))), 200);
    expect_text(r, "data.created_by", c.id);
    expect_text(r, "data.created_by_name", name);
}

/* --- who gets one ----------------------------------------------------------------------------------------------------- */

static void test_requests_for_a_token_are_judged(void **state)
{
    (void)state;
    struct client c = client_new(unique("judged"), "customer-service", "customer:view");
    const char *ok = text("client_id=%s&client_secret=%s", c.id, c.secret), *to = "grant_type=client_credentials&audience=customer-service";
    const struct {
        const char *body;
        int status;
        const char *slug, *fields;
    } cases[] = {
        { text("%s&%s", to, ok), 200, NULL, NULL },
        { "", 400, "INVALID_FIELD", "grant_type,audience,client_id" },
        { text("audience=customer-service&%s", ok), 400, "INVALID_FIELD", "grant_type" },
        { text("grant_type=password&audience=customer-service&%s", ok), 400, "INVALID_FIELD", "grant_type" },
        { text("grant_type=client_credentials&%s", ok), 400, "INVALID_FIELD", "audience" },
        { text("grant_type=client_credentials&audience=crm&%s", ok), 400, "INVALID_FIELD", "audience" },
        { text("grant_type=client_credentials&audience=elsewhere&%s", ok), 400, "INVALID_FIELD", "audience" },
        { text("%s&%s&scope=all", to, ok), 400, "INVALID_FIELD", "scope" },
        { text("%s&%s&%s", to, to, ok), 400, "INVALID_FIELD", "grant_type,audience" },
        { text("%s&client_id=%s", to, c.id), 401, "BAD_CREDENTIALS", "" },
        { text("%s&client_id=%s&client_secret=%sx", to, c.id, c.secret), 401, "BAD_CREDENTIALS", "" },
        { text("%s&client_id=" UUID_ABSENT "&client_secret=%s", to, c.secret), 401, "BAD_CREDENTIALS", "" },
        { text("%s&client_id=judged&client_secret=%s", to, c.secret), 401, "BAD_CREDENTIALS", "" },
        { text("grant_type=client_credentials&audience=crm&client_id=%s&client_secret=wrong", c.id), 401, "BAD_CREDENTIALS", "" },
    };
    target(stack.auth_url);
    as(NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r = call("POST", "/api/v1/auth/token", cases[i].body, FORM, NULL);
        if (r->status != cases[i].status) print_error("%s\n", cases[i].body);
        if (cases[i].status == 200) expect_status(r, 200);
        else expect_error(r, cases[i].status, cases[i].slug, cases[i].fields);
    }
    expect_error(POST("/api/v1/auth/token", "{\"grant_type\":\"client_credentials\"}"), 415, "UNSUPPORTED_MEDIA", "Content-Type");
}

static char *basic(const char *both)
{
    char *text64 = base64url(both, strlen(both));
    for (char *p = text64; *p; p++) *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
    return text("Authorization: Basic %s%.*s", text64, (int)((4 - strlen(text64) % 4) % 4), "===");
}

static void test_credentials_may_come_by_http_basic(void **state)
{
    (void)state;
    struct client c = client_new(unique("basic"), "customer-service", "customer:view");
    const char *to = "grant_type=client_credentials&audience=customer-service";
    target(stack.auth_url);
    as(NULL);
    expect_status(call("POST", "/api/v1/auth/token", to, FORM, basic(text("%s:%s", c.id, c.secret)), NULL), 200);
    const char *const wrong[] = { basic(text("%s:wrong", c.id)), basic(c.id), basic(""), "Authorization: Basic !",
                                  "Authorization: Bearer x" };
    for (size_t i = 0; i < COUNT(wrong); i++)
        expect_error(call("POST", "/api/v1/auth/token", to, FORM, wrong[i], NULL), 401, "BAD_CREDENTIALS", "");
    char *twice = text("%s&client_id=%s", to, c.id);
    expect_error(call("POST", "/api/v1/auth/token", twice, FORM, basic(text("%s:%s", c.id, c.secret)), NULL), 400, "INVALID_FIELD",
                 "client_id");
}

static void test_secret_is_shown_once_and_kept_nowhere(void **state)
{
    (void)state;
    struct client c = client_new(unique("secretive"), "customer-service", "customer:view");
    assert_int_equal(strlen(c.secret), 43);
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM clients t WHERE t::text LIKE '%%%s%%'", c.secret), 0);
    token_for(&c, "customer-service");
    own_stack_only();
    assert_int_not_equal(system(text("grep -rqF '%s' \"$LOG_DIR\"", c.secret)), 0);
}

static void test_command_knows_its_words(void **state)
{
    (void)state;
    const char *name = unique("twice");
    client_new(name, "crm", "customer:view");
    const struct {
        const char *arguments, *says;
    } cases[] = {
        { "", "usage" },
        { "--name x", "usage" },
        { "--name x --audience crm --permissions customer:view --force", "usage" },
        { "--name '' --audience crm --permissions customer:view", "--name" },
        { "--name x --audience crm,elsewhere --permissions customer:view", "\"elsewhere\"" },
        { "--name x --audience crm --permissions customer:view,customer:steal", "\"customer:steal\"" },
        { "--name x --audience crm --permissions authenticated", "\"authenticated\"" },
        { "--name x --audience crm --permissions customer:view --scope mine", "\"mine\"" },
        { text("--name '%s' --audience crm --permissions customer:view", name), "a client of this name exists" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *out;
        int status = command(cases[i].arguments, &out);
        expect(status == 1 && strstr(out, cases[i].says) && !strstr(out, "client_secret"), "%s: %d %s", cases[i].arguments, status, out);
    }
}

/* --- when it is over -------------------------------------------------------------------------------------------------- */

static bool is_401(void *token)
{
    for (int i = 0; i < 8; i++) {
        const char *url = text("%s/api/v1/customers?size=1", stack.customer_url);
        struct request q = { .method = "GET", .url = url, .token = token, .fresh = true };
        if (http_send(&q)->status != 401) return false;
    }
    return true;
}

static void test_change_of_a_client_ends_its_tokens(void **state)
{
    (void)state;
    static const char *const changes[] = { "UPDATE clients SET permissions = '{}' WHERE client_id = '%s'",
                                           "UPDATE clients SET enabled = false WHERE client_id = '%s'",
                                           "DELETE FROM clients WHERE client_id = '%s'" };
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct client c = client_new(unique("changed"), "customer-service", "customer:view");
        char *token = token_for(&c, "customer-service");
        expect_status(at_url(stack.customer_url, "/api/v1/customers?size=1", token), 200);
        const char *at = strstr(changes[i], "%s");
        sql(stack.auth_db, "%.*s%s%s", (int)(at - changes[i]), changes[i], c.id, at + 2);
        expect(poll_until(5, is_401, token), "%s", changes[i]);
        if (i > 0) expect_error(ask_token(&c, "customer-service"), 401, "BAD_CREDENTIALS", "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_for_a_service_is_good_there_alone),
        cmocka_unit_test(test_only_programs_have_tokens_for_a_service),
        cmocka_unit_test(test_program_is_named_where_it_writes),
        cmocka_unit_test(test_requests_for_a_token_are_judged),
        cmocka_unit_test(test_credentials_may_come_by_http_basic),
        cmocka_unit_test(test_secret_is_shown_once_and_kept_nowhere),
        cmocka_unit_test(test_command_knows_its_words),
        cmocka_unit_test(test_change_of_a_client_ends_its_tokens),
    };
    return system_main("service tokens", tests, COUNT(tests));
}
