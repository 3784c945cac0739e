#include "base/buf.h"
#include "auth/token.h"
#include "base/limits.h"
#include "base/uuid.h"
#include "permissions.h"

#include "forge.h"

#include <stdlib.h>

#define NOW  INT64_C(1000000)
#define USER "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1a01"

static struct arena keep; /* of all tests */
static struct str pem, kid, jwk, other_pem, other_kid, other_jwk, public_pem;
static struct tokens *tokens;
static struct arena a;

static struct str coordinate(struct str of, const char *name)
{
    char mark[8];
    snprintf(mark, sizeof mark, "\"%s\":\"", name);
    const char *at = strstr(of.p, mark) + strlen(mark);
    return (struct str){ at, (size_t)(strchr(at, '"') - at) };
}

static int make_keys(void **state)
{
    (void)state;
    arena_init(&keep);
    return jwk_generate(&keep, &pem, &kid, &jwk) && jwk_generate(&keep, &other_pem, &other_kid, &other_jwk) &&
           jwk_to_pem(&keep, coordinate(jwk, "x"), coordinate(jwk, "y"), &public_pem) ? 0 : -1;
}

static int drop_keys(void **state)
{
    (void)state;
    arena_done(&keep);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    arena_init(&a);
    tokens = tokens_new(&tokens_own);
    assert_true(tokens_set_keys(tokens, arena_printf(&a, "{\"keys\":[%.*s]}", STR_ARG(jwk))));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tokens_free(tokens);
    arena_done(&a);
    return 0;
}

static const char *reason_at(struct str token, int64_t now_s)
{
    const char *reason = NULL;
    return tokens_verify(tokens, &a, token, now_s, &reason) ? "valid" : reason;
}

static struct str good_token(const char *session)
{
    const struct token_claims claims = {
        .user_id = STR(USER), .username = STR("zhang"), .name = STR("张三"), .session_id = str_of(session),
        .roles = STR("[\"ADMIN\",\"SALES_REP\"]"), .permissions = STR("[\"customer:view\",\"customer:delete\",\"no:such\"]"),
        .scope = STR("department_and_below"), .department = STR("1.4.7"), .generation = STR("12"),
        .issued_s = NOW, .expires_s = NOW + 3600,
    };
    struct str token = token_sign(&a, pem.p, kid.p, &claims);
    assert_false(str_is_none(token));
    return token;
}

/* --- good ones ------------------------------------------------------------------------------------------------------------ */

static void test_a_signed_token_verifies(void **state)
{
    (void)state;
    const char *reason = NULL;
    const struct principal *who = tokens_verify(tokens, &a, good_token("s1"), NOW, &reason);
    expect(who, "%s", reason);
    assert_true(str_is(who->user_id, USER) && str_is(who->username, "zhang") && str_is(who->name, "张三"));
    assert_true(str_is(who->session_id, "s1"));
    assert_true(str_is(who->roles, "[\"ADMIN\",\"SALES_REP\"]"));
    assert_true(str_is(who->permissions, "[\"customer:view\",\"customer:delete\",\"no:such\"]"));
    assert_int_equal(who->expires_s, NOW + 3600);
    assert_int_equal(who->scope, SCOPE_BELOW);
    assert_true(str_is(who->department, "1.4.7") && who->generation == 12);
    for (unsigned i = 0; i < PERM_COUNT; i++) {
        bool want = str_is(permission_names[i], "customer:view") || str_is(permission_names[i], "customer:delete");
        expect(principal_may(who, i) == want, "%.*s", STR_ARG(permission_names[i]));
    }
}

static void test_unusable_keys_sign_nothing(void **state)
{
    (void)state;
    const struct token_claims claims = { .user_id = STR(USER), .username = STR("z"), .name = STR("z"), .session_id = STR("s"),
                                         .roles = STR("[]"), .permissions = STR("[]"), .scope = STR("own"),
                                         .generation = STR("1"), .issued_s = 1, .expires_s = 2 };
    assert_true(str_is_none(token_sign(&a, "", "k", &claims)));
    assert_true(str_is_none(token_sign(&a, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "k", &claims)));
}

/* --- claims ---------------------------------------------------------------------------------------------------------------- */

/* The claims of a good token with one of them replaced, left out (NULL), or added. */
static struct str claims_with(const char *name, const char *value)
{
    static const char *const good[][2] = {
        { "iss", "\"crm-auth\"" }, { "aud", "\"crm\"" }, { "sub", "\"" USER "\"" }, { "preferred_username", "\"zhang\"" },
        { "name", "\"n\"" }, { "jti", "\"s\"" }, { "roles", "[]" }, { "permissions", "[]" },
        { "scope", "\"own\"" }, { "gen", "1" },
        { "iat", "1000000" }, { "nbf", "1000000" }, { "exp", "1003600" },
    };
    struct str all = STR("{");
    bool done = false;
    for (size_t i = 0; i < COUNT(good); i++) {
        bool is_it = !strcmp(good[i][0], name);
        done |= is_it;
        if (is_it && !value) continue;
        all = arena_printf(&a, "%.*s%s\"%s\":%s", STR_ARG(all), all.len > 1 ? "," : "", good[i][0], is_it ? value : good[i][1]);
    }
    if (!done && *name) all = arena_printf(&a, "%.*s,\"%s\":%s", STR_ARG(all), name, value);
    return arena_printf(&a, "%.*s}", STR_ARG(all));
}

static struct str good_header(void)
{
    return arena_printf(&a, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%.*s\"}", STR_ARG(kid));
}

#define WHO    "wrong issuer or audience"
#define GONE   "claim missing"
#define TIMES  "exp, iat or nbf missing"
#define LISTS  "roles or permissions missing"
#define SCOPE  "scope missing or unknown"
#define EARLY  "not valid yet"

static void test_claims(void **state)
{
    (void)state;
    static const struct { const char *name, *value, *want; } cases[] = {
        { "", NULL, "valid" },
        { "more", "{\"x\":1}", "valid" }, /* what is unknown is ignored */
        { "iss", "\"crm\"", WHO },
        { "iss", NULL, WHO },
        { "iss", "[\"crm-auth\"]", WHO },
        { "aud", "\"erp\"", WHO },
        { "aud", "[\"crm\"]", WHO },
        { "aud", NULL, WHO },
        { "sub", NULL, GONE },
        { "sub", "7", GONE },
        { "sub", "\"zhang\"", "subject is no UUID" },
        { "preferred_username", "\"\"", GONE },
        { "name", NULL, GONE },
        { "jti", NULL, GONE },
        { "roles", NULL, LISTS },
        { "roles", "\"ADMIN\"", LISTS },
        { "roles", "[1]", LISTS },
        { "roles", "[\"a\\\"b\"]", LISTS },
        { "roles", "[\"a\\\\b\"]", LISTS },
        { "permissions", NULL, LISTS },
        { "permissions", "{}", LISTS },
        { "permissions", "[null]", LISTS },
        { "scope", NULL, SCOPE },
        { "scope", "\"everything\"", SCOPE },
        { "scope", "\"all\"", "valid" },
        { "gen", NULL, "generation missing" },
        { "gen", "\"1\"", "generation missing" },
        { "dept", "\"1.2\"", "valid" },
        { "exp", NULL, TIMES },
        { "exp", "\"1003600\"", TIMES },
        { "exp", "1003600.5", TIMES },
        { "exp", "1e9", TIMES },
        { "exp", "-1", TIMES },
        { "exp", "9223372036854775807", TIMES },
        { "exp", "0", "expired" },
        { "exp", "999970", "expired" }, /* 30 s ago, the leeway */
        { "exp", "999971", "valid" },
        { "nbf", NULL, TIMES },
        { "nbf", "1000030", "valid" },
        { "nbf", "1000031", EARLY },
        { "iat", NULL, TIMES },
        { "iat", "1000030", "valid" },
        { "iat", "1000031", EARLY },
        { "iat", "true", TIMES },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str token = forge_es256(&a, pem, good_header(), claims_with(cases[i].name, cases[i].value));
        const char *got = reason_at(token, NOW);
        expect(!strcmp(got, cases[i].want), "%s %s: %s", cases[i].name, cases[i].value ? cases[i].value : "absent", got);
    }
}

/* --- headers
 * ----------------------------------------------------------------------------------------------------------------- */

static void test_headers(void **state)
{
    (void)state;
    static const struct { const char *header, *want;
    } cases[] = {
        /* %s: the kid */
        { "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "valid" },
        { "{ \"kid\":\"%s\", \"typ\":\"JWT\", \"alg\":\"ES256\" }", "valid" },
        { "{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "wrong algorithm" },
        { "{\"alg\":\"None\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "wrong algorithm" },
        { "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "wrong algorithm" },
        { "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "wrong algorithm" },
        { "{\"alg\":\"ES384\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "wrong algorithm" },
        { "{\"alg\":\"es256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "wrong algorithm" },
        { "{\"alg\":[\"ES256\"],\"typ\":\"JWT\",\"kid\":\"%s\"}", "wrong algorithm" },
        { "{\"typ\":\"JWT\",\"kid\":\"%s\"}", "wrong algorithm" },
        { "{\"alg\":\"ES256\",\"kid\":\"%s\"}", "wrong type" },
        { "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", "wrong type" },
        { "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", "unknown key" },
        { "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%sx\"}", "unknown key" },
        { "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"\"}", "unknown key" },
        { "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"jku\":\"https://evil.example/\"}",
          "header parameter not allowed" },
        { "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"crit\":[\"exp\"]}", "header parameter not allowed" },
        { "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"jwk\":{}}", "header parameter not allowed" },
        { "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"x5u\":\"x\"}", "header parameter not allowed" },
        { "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"b64\":false}", "header parameter not allowed" },
        { "{\"alg\":\"ES256\",\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "malformed" },
        { "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"", "malformed" },
        { "[\"%s\"]", "malformed" },
        { "\xff{\"kid\":\"%s\"}", "malformed" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *split = strstr(cases[i].header, "%s");
        struct str header = str_of(cases[i].header);
        if (split) header = arena_printf(&a, "%.*s%s%s", (int)(split - cases[i].header), cases[i].header, kid.p, split + 2);
        const char *got = reason_at(forge_es256(&a, pem, header, claims_with("", NULL)), NOW);
        expect(!strcmp(got, cases[i].want), "%s: %s", cases[i].header, got);
    }
}

/* --- signatures
 * ---------------------------------------------------------------------------------------------------------------- */

static struct str input_with_alg(const char *alg)
{
    struct str header = arena_printf(&a, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%.*s\"}", alg, STR_ARG(kid));
    return forge_input(&a, header, claims_with("", NULL));
}

/* The classic confusion: the public key, which everybody knows, as an HMAC secret. */
static void test_the_public_key_is_no_secret(void **state)
{
    (void)state;
    static const char *const algs[] = { "HS256", "ES256" };
    for (size_t i = 0; i < COUNT(algs); i++) {
        unsigned char mac[32];
        struct str input = input_with_alg(algs[i]);
        hmac_sha256(public_pem, input, mac);
        assert_string_not_equal(reason_at(forge_token(&a, input, (struct str){ (char *)mac, 32 }), NOW), "valid");
    }
}

static void test_no_signature(void **state)
{
    (void)state;
    static const char *const algs[] = { "none", "ES256" };
    for (size_t i = 0; i < COUNT(algs); i++) {
        struct str input = input_with_alg(algs[i]);
        assert_string_equal(reason_at(arena_printf(&a, "%.*s.", STR_ARG(input)), NOW), "not three parts");
        assert_string_equal(reason_at(input, NOW), "not three parts");
    }
}

static void test_rs256(void **state)
{
    (void)state;
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    static const char *const algs[] = { "RS256", "ES256" };
    for (size_t i = 0; i < COUNT(algs); i++) {
        struct str input = input_with_alg(algs[i]);
        assert_string_equal(reason_at(forge_token(&a, input, forge_sign(&a, rsa, input)), NOW),
                            i ? "bad signature" : "wrong algorithm");
    }
    EVP_PKEY_free(rsa);
}

static void test_signatures(void **state)
{
    (void)state;
    char zeros[64] = { 0 };
    EVP_PKEY *key = forge_key(pem), *other = forge_key(other_pem);
    struct str input = input_with_alg("ES256"), der = forge_sign(&a, key, input), raw = forge_raw(&a, der);
    struct str longer = arena_printf(&a, "%.*s.", STR_ARG(input));
    const struct { const char *what; struct str signature; const char *want; } cases[] = {
        { "good", raw, "valid" },
        { "of another key", forge_raw(&a, forge_sign(&a, other, input)), "bad signature" },
        { "of another text", forge_raw(&a, forge_sign(&a, key, longer)), "bad signature" },
        { "DER", der, "bad signature" },
        { "zeros", { zeros, 64 }, "bad signature" },
        { "short", str_sub(raw, 0, 63), "bad signature" },
        { "empty halves", { zeros, 1 }, "bad signature" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = reason_at(forge_token(&a, input, cases[i].signature), NOW);
        expect(!strcmp(got, cases[i].want), "%s: %s", cases[i].what, got);
    }
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

/* `form` with 1, 2 and 3 standing for the parts of a token. */
static struct str token_of_form(const char *form, struct str token, char out[4096])
{
    struct str rest = token, parts[3] = { str_cut(&rest, '.'), str_cut(&rest, '.'), rest };
    struct buf b = { .data = out, .cap = 4096, .max = 4096 };
    for (; *form; form++) {
        if (*form >= '1' && *form <= '3') buf_add(&b, parts[*form - '1']);
        else buf_addc(&b, *form);
    }
    assert_true(buf_ok(&b));
    return buf_str(&b);
}

static void test_parts(void **state)
{
    (void)state;
    struct str token = good_token("s");
    static const char *const forms[] = { "1.2.3=", "1.2==.3", "1=.2.3", "1.2.3.", "1.2.3.3", ".1.2.3",  "1..2.3", "1..3",
                                         ".2.3",   " 1.2.3",  "1.2.3\n", "2.1.3", "1.1.3",   "1.2.!3", "1.2.+/3" };
    char text[4096];
    assert_string_equal(reason_at(token_of_form("1.2.3", token, text), NOW), "valid");
    for (size_t i = 0; i < COUNT(forms); i++)
        expect(strcmp(reason_at(token_of_form(forms[i], token, text), NOW), "valid") != 0, "%s", forms[i]);
    assert_string_equal(reason_at(STR(""), NOW), "not three parts");
    assert_string_equal(reason_at(STR(".."), NOW), "not three parts");
}

static void test_every_changed_character_is_noticed(void **state)
{
    (void)state;
    struct str token = good_token("s");
    char *copy = arena_cstr(&a, token);
    for (size_t i = 0; i < token.len; i++) {
        copy[i] = token.p[i] == 'A' ? 'B' : 'A';
        expect(strcmp(reason_at((struct str){ copy, token.len }, NOW), "valid") != 0, "byte %zu", i);
        copy[i] = token.p[i];
    }
    assert_string_equal(reason_at(token, NOW), "valid");
}

static void test_long_tokens(void **state)
{
    (void)state;
    char *name = arena_alloc(&a, 5 * 1024 + 3);
    for (size_t len = 100; len <= 5 * 1024; len += 1230) {
        memset(name, 'x', len);
        name[0] = name[len - 1] = '"';
        name[len] = 0;
        struct str token = forge_es256(&a, pem, good_header(), claims_with("name", name));
        assert_string_equal(reason_at(token, NOW), token.len > LIMIT_TOKEN ? "too long" : "valid");
    }
}

int main(void)
{
#define TOKEN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TOKEN(test_a_signed_token_verifies), TOKEN(test_unusable_keys_sign_nothing), TOKEN(test_claims), TOKEN(test_headers),
        TOKEN(test_the_public_key_is_no_secret), TOKEN(test_no_signature), TOKEN(test_rs256), TOKEN(test_signatures),
        TOKEN(test_parts), TOKEN(test_every_changed_character_is_noticed), TOKEN(test_long_tokens),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
