#include "auth/token.h"

#include "auth/jwk.h"
#include "base/base64.h"
#include "base/limits.h"

#include <jwt.h>
#include <openssl/crypto.h>
#include <stdlib.h>

enum { KEYS_MAX = 16, KID_MAX = 128, CACHE_SLOTS = LIMIT_TOKEN_CACHE * 2 };

struct key {
    char kid[KID_MAX];
    char *pem;
};

/* A verified token. The cache holds it once, each request under way once more. */
struct entry {
    struct principal who;
    struct arena arena; /* texts of `who` and the token */
    struct str token;
    int holds;
};

struct tokens {
    struct token_rules rules; /* texts of the arena */
    struct arena arena;
    struct key keys[KEYS_MAX];
    size_t key_count;
    struct entry *slots[CACHE_SLOTS];
    size_t cached;
};

const struct token_rules tokens_own = { .issuer = TOKEN_ISSUER, .audience = TOKEN_AUDIENCE };

static const char *keep(struct arena *a, const char *text)
{
    return text ? arena_cstr(a, str_of(text)) : NULL;
}

struct tokens *tokens_new(const struct token_rules *rules)
{
    struct tokens *t = calloc(1, sizeof *t);
    if (!t) abort();
    arena_init(&t->arena);
    t->rules = *rules;
    t->rules.issuer = keep(&t->arena, rules->issuer);
    t->rules.audience = keep(&t->arena, rules->audience);
    t->rules.service = keep(&t->arena, rules->service);
    t->rules.secret = arena_dup(&t->arena, rules->secret);
    return t;
}

static void entry_release(void *object)
{
    struct entry *e = object;
    if (--e->holds) return;
    arena_done(&e->arena);
    free(e);
}

static void cache_clear(struct tokens *t)
{
    for (size_t i = 0; i < CACHE_SLOTS; i++)
        if (t->slots[i]) entry_release(t->slots[i]), t->slots[i] = NULL;
    t->cached = 0;
}

static void keys_clear(struct tokens *t)
{
    for (size_t i = 0; i < t->key_count; i++) free(t->keys[i].pem);
    t->key_count = 0;
}

void tokens_free(struct tokens *t)
{
    cache_clear(t);
    keys_clear(t);
    arena_done(&t->arena);
    free(t);
}

/* --- keys ---------------------------------------------------------------------------------------------------------- */

static struct str text_of(const struct json *object, struct str name)
{
    const struct json *v = json_get(object, name);
    return v && json_kind(v) == JSON_STRING ? json_text(v) : STR_NONE;
}

static bool is_or_absent(const struct json *object, struct str name, const char *value)
{
    return !json_get(object, name) || str_is(text_of(object, name), value);
}

/* One that is published for another use or algorithm is not taken for this one (RFC 8725 section 3.1). */
static bool key_read(struct arena *a, const struct json *jwk, struct key *ret)
{
    struct str kid = text_of(jwk, STR("kid")), pem;
    if (!is_or_absent(jwk, STR("use"), "sig") || !is_or_absent(jwk, STR("alg"), "ES256")) return false;
    if (!str_is(text_of(jwk, STR("kty")), "EC") || !str_is(text_of(jwk, STR("crv")), "P-256")) return false;
    if (!kid.len || kid.len >= KID_MAX || memchr(kid.p, 0, kid.len)) return false;
    if (!jwk_to_pem(a, text_of(jwk, STR("x")), text_of(jwk, STR("y")), &pem)) return false;
    *ret = (struct key){ .pem = strdup(pem.p) };
    memcpy(ret->kid, kid.p, kid.len);
    return true;
}

bool tokens_set_keys(struct tokens *t, struct str jwks)
{
    struct arena a;
    arena_init(&a);
    struct problem p = { 0 };
    struct key fresh[KEYS_MAX];
    size_t count = 0;
    const struct json *set = json_read(&a, jwks, &p), *list = set ? json_get(set, STR("keys")) : NULL;
    if (list && json_kind(list) == JSON_ARRAY)
        for (const struct json *k = json_first(list); k && count < KEYS_MAX; k = json_next(k))
            if (json_kind(k) == JSON_OBJECT && key_read(&a, k, &fresh[count])) count++;
    arena_done(&a);
    if (!count) return false;
    bool same = count == t->key_count;
    for (size_t i = 0; same && i < count; i++)
        same = !strcmp(fresh[i].kid, t->keys[i].kid) && !strcmp(fresh[i].pem, t->keys[i].pem);
    if (!same) cache_clear(t); /* a key that is gone takes its tokens with it */
    keys_clear(t);
    memcpy(t->keys, fresh, sizeof fresh);
    t->key_count = count;
    return true;
}

bool tokens_have_keys(const struct tokens *t)
{
    return t->key_count > 0 || !str_is_none(t->rules.secret);
}

static const struct key *key_find(const struct tokens *t, struct str kid)
{
    for (size_t i = 0; i < t->key_count; i++)
        if (str_is(kid, t->keys[i].kid)) return &t->keys[i];
    return NULL;
}

/* --- verification ---------------------------------------------------------------------------------------------------- */

static const struct json *part_read(struct arena *a, struct str part)
{
    struct str text;
    struct problem p = { 0 };
    const struct json *v = part.len && base64url_decode(a, part, &text) ? json_read(a, text, &p) : NULL;
    return v && json_kind(v) == JSON_OBJECT ? v : NULL;
}

/* RFC 8725: one algorithm, that of the key; no key material or critical extensions from the token. */
static const char *header_check(const struct tokens *t, const struct json *h, const struct key **ret)
{
    bool by_secret = !str_is_none(t->rules.secret);
    static const struct str allowed[] = { STR("alg"), STR("typ"), STR("kid") };
    for (const struct json *m = json_first(h); m; m = json_next(m)) {
        bool known = false;
        for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) known |= str_eq(json_key(m), allowed[i]);
        if (!known) return "header parameter not allowed";
    }
    if (!str_is(text_of(h, STR("alg")), by_secret ? "HS256" : "ES256")) return "wrong algorithm";
    bool may_lack_type = t->rules.is_foreign && !json_get(h, STR("typ"));
    if (!may_lack_type && !str_is(text_of(h, STR("typ")), "JWT")) return "wrong type";
    if (by_secret) return NULL;
    *ret = key_find(t, text_of(h, STR("kid")));
    return *ret ? NULL : "unknown key";
}

static bool signature_ok(const struct key *key, struct str token)
{
    char text[LIMIT_TOKEN + 1];
    memcpy(text, token.p, token.len);
    text[token.len] = 0;
    jwt_t *jwt = NULL;
    bool ok = jwt_decode(&jwt, text, (const unsigned char *)key->pem, (int)strlen(key->pem)) == 0 &&
              jwt_get_alg(jwt) == JWT_ALG_ES256;
    if (jwt) jwt_free(jwt);
    return ok;
}

static bool mac_ok(struct str secret, struct str input, struct str mac)
{
    unsigned char want[32];
    hmac_sha256(secret, input, want);
    return mac.len == sizeof want && CRYPTO_memcmp(mac.p, want, sizeof want) == 0;
}

static const char *verify(const struct tokens *t, struct entry *e, int64_t now_s)
{
    struct str rest = e->token, signature;
    struct str head = str_cut(&rest, '.'), body = str_cut(&rest, '.'), tail = str_cut(&rest, '.');
    if (!str_is_none(rest) || !tail.len) return "not three parts";
    const struct json *h = part_read(&e->arena, head), *c = part_read(&e->arena, body);
    if (!h || !c || !base64url_decode(&e->arena, tail, &signature)) return "malformed";
    const struct key *key = NULL;
    const char *why = header_check(t, h, &key);
    struct str input = str_sub(e->token, 0, head.len + 1 + body.len);
    bool is_signed = !why && (key ? signature_ok(key, e->token) : mac_ok(t->rules.secret, input, signature));
    if (!why && !is_signed) why = "bad signature";
    return why ? why : claims_read(&e->arena, c, &t->rules, now_s, &e->who);
}

/* --- cache ----------------------------------------------------------------------------------------------------------- */

static struct entry **slot_of(struct tokens *t, struct str token)
{
    struct str tail = token.len > 32 ? str_sub(token, token.len - 32, token.len) : token; /* of the signature: random */
    for (size_t i = str_hash(tail);; i++) {
        struct entry **slot = &t->slots[i % CACHE_SLOTS];
        if (!*slot || str_eq((*slot)->token, token)) return slot;
    }
}

const struct principal *tokens_verify(struct tokens *t, struct arena *a, struct str token, int64_t now_s, const char **reason)
{
    *reason = "too long";
    if (token.len > LIMIT_TOKEN) return NULL;
    struct entry **slot = slot_of(t, token), *e = *slot;
    if (!e) {
        e = calloc(1, sizeof *e);
        if (!e) abort();
        e->token = arena_dup(&e->arena, token);
        e->holds = 1;
        *reason = verify(t, e, now_s);
        if (*reason) {
            entry_release(e);
            return NULL;
        }
        if (t->cached == LIMIT_TOKEN_CACHE) {
            cache_clear(t);
            slot = slot_of(t, token);
        }
        *slot = e;
        t->cached++;
    }
    *reason = "expired";
    if (e->who.expires_s + LIMIT_CLOCK_LEEWAY_S <= now_s) return NULL;
    e->holds++;
    arena_defer(a, entry_release, e);
    return &e->who;
}

/* --- signing --------------------------------------------------------------------------------------------------------- */

static int add_text(jwt_t *jwt, struct arena *a, const char *name, struct str value)
{
    return jwt_add_grant(jwt, name, arena_cstr(a, value));
}

static bool claims_add(jwt_t *jwt, struct arena *a, const struct token_claims *c)
{
    struct str raw = arena_printf(a, "{\"roles\":%.*s,\"permissions\":%.*s,\"gen\":%.*s}", STR_ARG(c->roles),
                                  STR_ARG(c->permissions), STR_ARG(c->generation));
    return !(jwt_add_grant(jwt, "iss", TOKEN_ISSUER) || add_text(jwt, a, "aud", c->audience.len ? c->audience : STR(TOKEN_AUDIENCE)) ||
             (c->is_service && add_text(jwt, a, "client_id", c->user_id)) ||
             add_text(jwt, a, "sub", c->user_id) || add_text(jwt, a, "preferred_username", c->username) ||
             add_text(jwt, a, "name", c->name) || add_text(jwt, a, "jti", c->session_id) ||
             add_text(jwt, a, "scope", c->scope) || (c->department.len && add_text(jwt, a, "dept", c->department)) ||
             jwt_add_grant_int(jwt, "iat", c->issued_s) || jwt_add_grant_int(jwt, "nbf", c->issued_s) ||
             jwt_add_grant_int(jwt, "exp", c->expires_s) || jwt_add_grants_json(jwt, raw.p));
}

struct str token_sign(struct arena *a, const char *private_pem, const char *kid, const struct token_claims *claims)
{
    jwt_t *jwt = NULL;
    char *text = NULL;
    if (jwt_new(&jwt)) return STR_NONE;
    if (!jwt_add_header(jwt, "kid", kid) && claims_add(jwt, a, claims) &&
        !jwt_set_alg(jwt, JWT_ALG_ES256, (const unsigned char *)private_pem, (int)strlen(private_pem)))
        text = jwt_encode_str(jwt);
    struct str token = arena_dup(a, str_of(text));
    free(text);
    jwt_free(jwt);
    return token;
}
