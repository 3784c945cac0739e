#include "auth/token.h"

#include "auth/jwk.h"
#include "base/base64.h"
#include "base/limits.h"
#include "base/uuid.h"
#include "json/json_read.h"
#include "permissions.h"

#include <jwt.h>
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
    struct key keys[KEYS_MAX];
    size_t key_count;
    struct entry *slots[CACHE_SLOTS];
    size_t cached;
};

struct tokens *tokens_new(void)
{
    struct tokens *t = calloc(1, sizeof *t);
    if (!t) abort();
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
    return t->key_count > 0;
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

/* RFC 8725: one algorithm, no key material or critical extensions from the token. */
static const char *header_check(const struct tokens *t, const struct json *h, const struct key **ret)
{
    static const struct str allowed[] = { STR("alg"), STR("typ"), STR("kid") };
    for (const struct json *m = json_first(h); m; m = json_next(m)) {
        bool known = false;
        for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) known |= str_eq(json_key(m), allowed[i]);
        if (!known) return "header parameter not allowed";
    }
    if (!str_is(text_of(h, STR("alg")), "ES256")) return "wrong algorithm";
    if (!str_is(text_of(h, STR("typ")), "JWT")) return "wrong type";
    *ret = key_find(t, text_of(h, STR("kid")));
    return *ret ? NULL : "unknown key";
}

static bool number_claim(const struct json *c, struct str name, int64_t *ret)
{
    const struct json *v = json_get(c, name);
    return v && json_kind(v) == JSON_NUMBER && str_to_i64(json_text(v), 0, INT64_MAX / 2, ret); /* a leeway may be added */
}

static const char *times_check(const struct json *c, int64_t now_s, int64_t *ret_expires)
{
    int64_t nbf, iat;
    if (!number_claim(c, STR("exp"), ret_expires) || !number_claim(c, STR("iat"), &iat) || !number_claim(c, STR("nbf"), &nbf))
        return "exp, iat or nbf missing";
    if (*ret_expires + LIMIT_CLOCK_LEEWAY_S <= now_s) return "expired";
    if (nbf - LIMIT_CLOCK_LEEWAY_S > now_s || iat - LIMIT_CLOCK_LEEWAY_S > now_s) return "not valid yet";
    return NULL;
}

static void grant(struct principal *who, struct str name)
{
    for (unsigned i = PERM_AUTHENTICATED + 1; i < PERM_COUNT; i++)
        if (str_eq(permission_names[i], name)) who->granted[i / 64] |= UINT64_C(1) << i % 64;
}

static bool names_claim(struct arena *a, const struct json *c, struct str name, struct principal *who, struct str *ret)
{
    const struct json *list = json_get(c, name);
    if (!list || json_kind(list) != JSON_ARRAY) return false;
    struct str all = STR("[");
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        struct str text = json_text(v);
        if (json_kind(v) != JSON_STRING || memchr(text.p, '"', text.len) || memchr(text.p, '\\', text.len)) return false;
        all = arena_printf(a, "%.*s%s\"%.*s\"", STR_ARG(all), all.len > 1 ? "," : "", STR_ARG(text));
        if (who) grant(who, text);
    }
    *ret = arena_printf(a, "%.*s]", STR_ARG(all));
    return true;
}

/* What the token says of a user's place: whose records, where, and of which generation the user was. */
static const char *place_check(struct arena *a, const struct json *c, struct principal *who)
{
    static const char *const scopes[] = { [SCOPE_OWN] = "own", [SCOPE_DEPARTMENT] = "department",
                                          [SCOPE_BELOW] = "department_and_below", [SCOPE_ALL] = "all" };
    struct str scope = text_of(c, STR("scope"));
    unsigned i = 0;
    while (i <= SCOPE_ALL && !str_is(scope, scopes[i])) i++;
    if (i > SCOPE_ALL) return "scope missing or unknown";
    if (!number_claim(c, STR("gen"), &who->generation)) return "generation missing";
    who->scope = (enum data_scope)i;
    who->department = arena_dup(a, text_of(c, STR("dept")));
    return NULL;
}

static const char *claims_check(struct arena *a, const struct json *c, int64_t now_s, struct principal *who)
{
    static const struct {
        struct str name;
        const char *value;
    } fixed[] = { { STR("iss"), TOKEN_ISSUER }, { STR("aud"), TOKEN_AUDIENCE } };
    const struct { struct str name; struct str *to; } texts[] = { { STR("sub"), &who->user_id },
        { STR("preferred_username"), &who->username }, { STR("name"), &who->name }, { STR("jti"), &who->session_id } };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (!str_is(text_of(c, fixed[i].name), fixed[i].value)) return "wrong issuer or audience";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i].to = arena_dup(a, text_of(c, texts[i].name));
        if (!texts[i].to->len) return "claim missing";
    }
    if (!uuid_valid(who->user_id)) return "subject is no UUID";
    if (!names_claim(a, c, STR("roles"), NULL, &who->roles) || !names_claim(a, c, STR("permissions"), who, &who->permissions))
        return "roles or permissions missing";
    const char *why = place_check(a, c, who);
    return why ? why : times_check(c, now_s, &who->expires_s);
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

static const char *verify(const struct tokens *t, struct entry *e, int64_t now_s)
{
    struct str rest = e->token, signature;
    struct str head = str_cut(&rest, '.'), body = str_cut(&rest, '.'), tail = str_cut(&rest, '.');
    if (!str_is_none(rest) || !tail.len) return "not three parts";
    const struct json *h = part_read(&e->arena, head), *c = part_read(&e->arena, body);
    if (!h || !c || !base64url_decode(&e->arena, tail, &signature)) return "malformed";
    const struct key *key = NULL;
    const char *why = header_check(t, h, &key);
    if (!why && !signature_ok(key, e->token)) why = "bad signature";
    return why ? why : claims_check(&e->arena, c, now_s, &e->who);
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
    return !(jwt_add_grant(jwt, "iss", TOKEN_ISSUER) || jwt_add_grant(jwt, "aud", TOKEN_AUDIENCE) ||
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
