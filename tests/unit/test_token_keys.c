#include "auth/token.h"
#include "base/limits.h"

#include "forge.h"

#include <stdlib.h>

#define NOW  INT64_C(1000000)
#define USER "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1a01"

struct made_key {
    struct str pem, kid, jwk;
};

static struct arena keep; /* of all tests */
static struct made_key old, fresh;
static struct str both, only_old, only_fresh;
static struct tokens *tokens;

static bool make_key(struct made_key *k)
{
    return jwk_generate(&keep, &k->pem, &k->kid, &k->jwk);
}

static int make_keys(void **state)
{
    (void)state;
    arena_init(&keep);
    if (!make_key(&old) || !make_key(&fresh)) return -1;
    only_old = arena_printf(&keep, "{\"keys\":[%.*s]}", STR_ARG(old.jwk));
    only_fresh = arena_printf(&keep, "{\"keys\":[%.*s]}", STR_ARG(fresh.jwk));
    both = arena_printf(&keep, "{\"keys\":[%.*s,%.*s]}", STR_ARG(fresh.jwk), STR_ARG(old.jwk));
    return 0;
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
    tokens = tokens_new(&tokens_own);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tokens_free(tokens);
    return 0;
}

static struct str token_of(struct arena *a, const struct made_key *k, const char *session, int64_t expires_s)
{
    const struct token_claims claims = {
        .user_id = STR(USER),
        .username = STR("zhang"),
        .name = str_of(session),
        .session_id = str_of(session),
        .roles = STR("[]"),
        .permissions = STR("[]"),
        .scope = STR("all"),
        .generation = STR("1"),
        .issued_s = NOW,
        .expires_s = expires_s,
    };
    return token_sign(a, k->pem.p, k->kid.p, &claims);
}

static const char *reason_of(struct str token, int64_t now_s)
{
    struct arena a;
    const char *reason = NULL;
    arena_init(&a);
    bool ok = tokens_verify(tokens, &a, token, now_s, &reason);
    arena_done(&a);
    return ok ? "valid" : reason;
}

/* --- sets of keys
 * ------------------------------------------------------------------------------------------------------------ */

#define X "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4" /* RFC 7517 appendix A.1 */
#define Y "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
#define K(kty, crv, kid, x, y) "{\"kty\":\"" kty "\",\"crv\":\"" crv "\",\"kid\":\"" kid "\",\"x\":\"" x "\",\"y\":\"" y "\"}"

static void test_sets(void **state)
{
    (void)state;
    static const struct { const char *jwks; bool ok;
    } cases[] = {
        { "{\"keys\":[" K("EC", "P-256", "k", X, Y) "]}", true },
        { "{\"keys\":[1,{},{\"kty\":\"RSA\",\"kid\":\"r\",\"n\":\"AQAB\",\"e\":\"AQAB\"}," K("EC", "P-256", "k", X,
                                                                                             Y) "],\"x\":0}",
          true },
        { "{\"keys\":[]}", false },
        { "{\"keys\":{}}", false },
        { "{}", false },
        { "[]", false },
        { "", false },
        { "<html>", false },
        { "{\"keys\":[" K("EC", "P-256", "k", X, Y) "]} x", false },
        { "{\"keys\":[" K("EC", "P-384", "k", X, Y) "]}", false },
        { "{\"keys\":[" K("RSA", "P-256", "k", X, Y) "]}", false },
        { "{\"keys\":[" K("EC", "P-256", "", X, Y) "]}", false },
        { "{\"keys\":[" K("EC", "P-256", "k\",\"use\":\"sig\",\"alg\":\"ES256", X, Y) "]}", true },
        { "{\"keys\":[" K("EC", "P-256", "k\",\"use\":\"enc", X, Y) "]}", false },
        { "{\"keys\":[" K("EC", "P-256", "k\",\"alg\":\"ECDH-ES", X, Y) "]}", false },
        { "{\"keys\":[" K("EC", "P-256", "k\",\"alg\":\"HS256", X, Y) "]}", false },
        { "{\"keys\":[" K("EC", "P-256", "k", Y, X) "]}", false }, /* not on the curve */
        { "{\"keys\":[" K("EC", "P-256", "k", X "=", Y) "]}", false },
        { "{\"keys\":[" K("EC", "P-256", "k", X "AA", Y) "]}", false },
        { "{\"keys\":[" K("EC", "P-256", "k", "", "") "]}", false },
        { "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"}]}", false },
        { "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":7,\"x\":\"" X "\",\"y\":\"" Y "\"}]}", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tokens *t = tokens_new(&tokens_own);
        assert_false(tokens_have_keys(t));
        expect(tokens_set_keys(t, str_of(cases[i].jwks)) == cases[i].ok, "%s", cases[i].jwks);
        assert_int_equal(tokens_have_keys(t), cases[i].ok);
        tokens_free(t);
    }
}

static void test_a_bad_set_changes_nothing(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct str token = token_of(&a, &old, "s", NOW + 60);
    assert_string_equal(reason_of(token, NOW), "unknown key");
    assert_true(tokens_set_keys(tokens, only_old));
    assert_false(tokens_set_keys(tokens, STR("{\"keys\":[]}")));
    assert_string_equal(reason_of(token, NOW), "valid");
    arena_done(&a);
}

static void test_rotation(void **state)
{
    (void)state;
    static const struct { const struct str *set; const char *of_old, *of_fresh; } cases[] = {
        { &only_old, "valid", "unknown key" },
        { &both, "valid", "valid" },
        { &only_fresh, "unknown key", "valid" }, /* what was verified and remembered goes with its key */
        { &only_old, "valid", "unknown key" },
    };
    struct arena a;
    arena_init(&a);
    struct str one = token_of(&a, &old, "s", NOW + 60), two = token_of(&a, &fresh, "s", NOW + 60);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(tokens_set_keys(tokens, *cases[i].set));
        expect(!strcmp(reason_of(one, NOW), cases[i].of_old) && !strcmp(reason_of(two, NOW), cases[i].of_fresh), "%zu", i);
    }
    arena_done(&a);
}

/* --- the cache
 * ----------------------------------------------------------------------------------------------------------------- */

static void test_a_verified_token_is_remembered(void **state)
{
    (void)state;
    const char *reason;
    struct arena a, b;
    arena_init(&a);
    arena_init(&b);
    tokens_set_keys(tokens, only_old);
    struct str token = token_of(&a, &old, "s", NOW + 60);
    const struct principal *first = tokens_verify(tokens, &a, token, NOW, &reason);
    assert_non_null(first);
    assert_ptr_equal(tokens_verify(tokens, &b, token, NOW, &reason), first);
    tokens_set_keys(tokens, only_old); /* the same: nothing to forget */
    assert_ptr_equal(tokens_verify(tokens, &b, token, NOW, &reason), first);
    arena_done(&a);
    arena_done(&b);
}

static void test_a_remembered_token_expires(void **state)
{
    (void)state;
    static const struct { int64_t now_s; const char *want; } cases[] = {
        { NOW, "valid" }, { NOW + 60 + LIMIT_CLOCK_LEEWAY_S - 1, "valid" }, { NOW + 60 + LIMIT_CLOCK_LEEWAY_S, "expired" },
        { NOW + 1000000, "expired" },
    };
    struct arena a;
    arena_init(&a);
    tokens_set_keys(tokens, only_old);
    struct str token = token_of(&a, &old, "s", NOW + 60);
    for (size_t i = 0; i < COUNT(cases); i++) assert_string_equal(reason_of(token, cases[i].now_s), cases[i].want);
    arena_done(&a);
}

static void test_a_principal_outlives_its_key(void **state)
{
    (void)state;
    const char *reason;
    struct arena a, b;
    arena_init(&a);
    arena_init(&b);
    tokens_set_keys(tokens, only_old);
    const struct principal *who = tokens_verify(tokens, &b, token_of(&a, &old, "s", NOW + 60), NOW, &reason);
    tokens_set_keys(tokens, only_fresh);
    arena_done(&a);
    assert_true(str_is(who->user_id, USER) && str_is(who->session_id, "s"));
    arena_done(&b);
}

static void test_more_tokens_than_are_remembered(void **state)
{
    (void)state;
    enum { N = LIMIT_TOKEN_CACHE + 100 };
    static char session[N][16];
    struct arena a;
    arena_init(&a);
    struct str *all = arena_array(&a, struct str, N);
    tokens_set_keys(tokens, only_old);
    for (int i = 0; i < N; i++) {
        snprintf(session[i], sizeof session[i], "s%d", i);
        all[i] = token_of(&a, &old, session[i], NOW + 60);
        assert_string_equal(reason_of(all[i], NOW), "valid");
    }
    for (int i = 0; i < N; i += 500) {
        struct arena b;
        const char *reason = "";
        arena_init(&b);
        const struct principal *who = tokens_verify(tokens, &b, all[i], NOW, &reason);
        expect(who && str_is(who->session_id, session[i]), "%d %s", i, reason);
        arena_done(&b);
    }
    arena_done(&a);
}

/* --- jwk
 * ------------------------------------------------------------------------------------------------------------------------
 */

/* RFC 7638: the thumbprint is of the required members in lexical order, without spaces. */
static void test_kid_is_the_thumbprint(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    unsigned char digest[32];
    const char *x = strstr(old.jwk.p, "\"x\":"), *end = strrchr(old.jwk.p, '}');
    assert_true(x && end);
    struct str core = arena_printf(&a, "{\"crv\":\"P-256\",\"kty\":\"EC\",%.*s}", (int)(end - x), x);
    assert_int_equal(EVP_Digest(core.p, core.len, digest, NULL, EVP_sha256(), NULL), 1);
    assert_true(str_eq(base64url_encode(&a, (struct str){ (char *)digest, 32 }), old.kid));
    assert_non_null(strstr(old.jwk.p, "\"alg\":\"ES256\""));
    assert_null(strstr(old.jwk.p, "\"d\""));
    assert_false(str_eq(old.kid, fresh.kid));
    arena_done(&a);
}

static void test_hmac_sha256(void **state)
{
    (void)state;
    static const struct { const char *key, *text, *hex; } cases[] = { /* RFC 4231, cases 2 and 1 */
        { "Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned char mac[32];
        char hex[65];
        hmac_sha256(str_of(cases[i].key), str_of(cases[i].text), mac);
        for (int k = 0; k < 32; k++) snprintf(hex + 2 * k, 3, "%02x", mac[k]);
        assert_string_equal(hex, cases[i].hex);
    }
}

int main(void)
{
#define TOKEN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets), TOKEN(test_a_bad_set_changes_nothing), TOKEN(test_rotation),
        TOKEN(test_a_verified_token_is_remembered), TOKEN(test_a_remembered_token_expires),
        TOKEN(test_a_principal_outlives_its_key), TOKEN(test_more_tokens_than_are_remembered),
        cmocka_unit_test(test_kid_is_the_thumbprint), cmocka_unit_test(test_hmac_sha256),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
