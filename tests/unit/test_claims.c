/* What the tokens of an outside system say, and what is made of what they do not say. Those of our own: test_token.c. */
#include "auth/claims.h"
#include "auth/token.h"

#include "forge.h"

#define NOW    INT64_C(1000000)
#define ID     "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1a01"
#define OTHER  "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1a02"
#define SECRET "kV7p-2mQx9Lr4Tz8Wc1Nb6Yd3Hf5Js0G"

static struct arena a;
static const struct token_rules foreign = { .is_foreign = true, .scope = SCOPE_DEPARTMENT, .secret = { SECRET, sizeof SECRET - 1 } };

static int setup(void **state)
{
    (void)state;
    arena_init(&a);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&a);
    return 0;
}

static const char *read_claims(const char *more, struct principal *who)
{
    struct problem p = { 0 };
    const struct json *claims = json_read(&a, arena_printf(&a, "{\"exp\":1000060%s}", more), &p);
    assert_non_null(claims);
    *who = (struct principal){ 0 };
    return claims_read(&a, claims, &foreign, NOW, who);
}

static void test_what_is_said_counts_and_what_is_not_has_a_default(void **state)
{
    (void)state;
#define SUB ",\"sub\":\"" ID "\""
    static const struct { const char *claims, *username, *name, *session, *roles, *department; enum data_scope scope; } cases[] = {
        { SUB, ID, ID, "", "[]", "", SCOPE_DEPARTMENT },
        { ",\"user_id\":\"" ID "\"", ID, ID, "", "[]", "", SCOPE_DEPARTMENT },
        { ",\"sub\":\"zhang\",\"user_id\":\"" ID "\"", ID, ID, "", "[]", "", SCOPE_DEPARTMENT },
        { SUB ",\"user_id\":\"" OTHER "\"", ID, ID, "", "[]", "", SCOPE_DEPARTMENT },
        { SUB ",\"username\":\"zhang\"", "zhang", "zhang", "", "[]", "", SCOPE_DEPARTMENT },
        { SUB ",\"username\":\"zhang\",\"preferred_username\":\"z\",\"name\":\"张\"", "z", "张", "", "[]", "", SCOPE_DEPARTMENT },
        { SUB ",\"username\":7,\"name\":\"\"", ID, ID, "", "[]", "", SCOPE_DEPARTMENT },
        { SUB ",\"jti\":\"j\",\"roles\":[\"ADMIN\"]", ID, ID, "j", "[\"ADMIN\"]", "", SCOPE_DEPARTMENT },
        { SUB ",\"roles\":\"ADMIN\"", ID, ID, "", "[]", "", SCOPE_DEPARTMENT },
        { SUB ",\"scope\":\"all\",\"dept\":\"1.4.7\"", ID, ID, "", "[]", "1.4.7", SCOPE_ALL },
        { SUB ",\"scope\":\"openid profile\",\"dept\":\"1%\"", ID, ID, "", "[]", "", SCOPE_DEPARTMENT },
        { SUB ",\"iat\":1000000,\"nbf\":1000000", ID, ID, "", "[]", "", SCOPE_DEPARTMENT },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct principal who;
        const char *why = read_claims(cases[i].claims, &who);
        expect(!why, "%s: %s", cases[i].claims, why);
        expect(str_is(who.user_id, ID) && str_is(who.username, cases[i].username) && str_is(who.name, cases[i].name) &&
                   str_is(who.session_id, cases[i].session) && str_is(who.roles, cases[i].roles) &&
                   str_is(who.department, cases[i].department) && who.scope == cases[i].scope && who.generation == 0,
               "%s", cases[i].claims);
    }
}

static void test_they_grant_nothing(void **state)
{
    (void)state;
    struct principal who;
    assert_null(read_claims(SUB ",\"permissions\":[\"customer:view\",\"customer:delete\"]", &who));
    assert_true(!who.granted[0] && !who.granted[1] && str_is(who.permissions, "[]"));
}

static void test_what_they_must_not_be(void **state)
{
    (void)state;
    static const struct { const char *claims, *want; } cases[] = {
        { "", "subject is no UUID" },
        { ",\"sub\":\"zhang\"", "subject is no UUID" },
        { ",\"sub\":7", "subject is no UUID" },
        { SUB ",\"nbf\":1000031", "not valid yet" },
        { SUB ",\"iat\":1000031", "not valid yet" },
        { SUB ",\"iat\":null", "exp, iat or nbf missing" },
        { SUB ",\"nbf\":\"1000000\"", "exp, iat or nbf missing" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct principal who;
        const char *why = read_claims(cases[i].claims, &who);
        expect(why && !strcmp(why, cases[i].want), "%s: %s", cases[i].claims, why);
    }
}

/* --- HS256: who verifies by a secret takes nothing else, and who verifies by keys takes no secret --------------------------- */

static const char *reason(const struct token_rules *rules, const char *header, struct str key)
{
    unsigned char mac[32];
    const char *why = NULL;
    struct tokens *t = tokens_new(rules);
    struct str input = forge_input(&a, str_of(header), STR("{\"exp\":1000060" SUB "}"));
    hmac_sha256(key, input, mac);
    assert_int_equal(tokens_have_keys(t), !str_is_none(rules->secret));
    bool ok = tokens_verify(t, &a, forge_token(&a, input, (struct str){ (char *)mac, 32 }), NOW, &why);
    const char *again = NULL;
    assert_true(ok == (tokens_verify(t, &a, forge_token(&a, input, (struct str){ (char *)mac, 32 }), NOW, &again) != NULL));
    arena_done(&a); /* releases what it holds of `t` */
    arena_init(&a);
    tokens_free(t);
    return ok ? "valid" : why;
}

static void test_hs256(void **state)
{
    (void)state;
    static const struct { const char *header, *key, *want; } cases[] = {
        { "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", SECRET, "valid" },
        { "{\"alg\":\"HS256\"}", SECRET, "valid" },
        { "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"any\"}", SECRET, "valid" },
        { "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", SECRET "x", "bad signature" },
        { "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "", "bad signature" },
        { "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", SECRET, "wrong type" },
        { "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", SECRET, "wrong algorithm" },
        { "{\"alg\":\"none\",\"typ\":\"JWT\"}", SECRET, "wrong algorithm" },
        { "{\"alg\":\"HS512\",\"typ\":\"JWT\"}", SECRET, "wrong algorithm" },
        { "{\"alg\":\"HS256\",\"jku\":\"http://x/\"}", SECRET, "header parameter not allowed" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = reason(&foreign, cases[i].header, str_of(cases[i].key));
        expect(!strcmp(got, cases[i].want), "%s: %s", cases[i].header, got);
    }
    static const struct token_rules by_keys = { .is_foreign = true };
    assert_string_equal(reason(&by_keys, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", STR(SECRET)), "wrong algorithm");
    assert_string_equal(reason(&by_keys, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", STR("")), "wrong algorithm");
}

int main(void)
{
#define ARENA(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ARENA(test_what_is_said_counts_and_what_is_not_has_a_default),
        ARENA(test_they_grant_nothing),
        ARENA(test_what_they_must_not_be),
        ARENA(test_hs256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
