#include "auth/claims.h"

#include "base/limits.h"
#include "base/uuid.h"
#include "permissions.h"

static struct str text_of(const struct json *object, struct str name)
{
    const struct json *v = json_get(object, name);
    return v && json_kind(v) == JSON_STRING ? json_text(v) : STR_NONE;
}

static bool number_claim(const struct json *c, struct str name, int64_t *ret)
{
    const struct json *v = json_get(c, name);
    return v && json_kind(v) == JSON_NUMBER && str_to_i64(json_text(v), 0, INT64_MAX / 2, ret); /* a leeway may be added */
}

/* Absent, and allowed to be: long past. */
static bool begin_claim(const struct json *c, struct str name, const struct token_rules *rules, int64_t *ret)
{
    *ret = 0;
    return (rules->is_foreign && !json_get(c, name)) || number_claim(c, name, ret);
}

static const char *times_check(const struct json *c, const struct token_rules *rules, int64_t now_s, int64_t *ret_expires)
{
    int64_t nbf, iat;
    if (!number_claim(c, STR("exp"), ret_expires) || !begin_claim(c, STR("iat"), rules, &iat) || !begin_claim(c, STR("nbf"), rules, &nbf))
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

bool claims_names(struct arena *a, const struct json *object, struct str name, struct principal *who, struct str *ret)
{
    const struct json *list = json_get(object, name);
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

bool scope_read(struct str name, enum data_scope *ret)
{
    static const char *const scopes[] = { [SCOPE_OWN] = "own", [SCOPE_DEPARTMENT] = "department",
                                          [SCOPE_BELOW] = "department_and_below", [SCOPE_ALL] = "all" };
    for (unsigned i = 0; i < sizeof scopes / sizeof *scopes; i++)
        if (str_is(name, scopes[i])) return *ret = (enum data_scope)i, true;
    return false;
}

/* --- whose it is ------------------------------------------------------------------------------------------------------ */

/* RFC 7519 section 4.1.3: one audience or several. We give ours one. */
static bool audience_is(const struct json *c, const struct token_rules *rules)
{
    const struct json *v = json_get(c, STR("aud"));
    bool is_list = rules->is_foreign && v && json_kind(v) == JSON_ARRAY, found = false;
    if (!is_list) return str_is(text_of(c, STR("aud")), rules->audience);
    for (v = json_first(v); v; v = json_next(v)) found |= json_kind(v) == JSON_STRING && str_is(json_text(v), rules->audience);
    return found;
}

/* RFC 9068 section 2.2: who asked for the token. We name it where that is nobody's user. */
static bool is_of_service(const struct json *c)
{
    struct str client = text_of(c, STR("client_id"));
    return client.len && str_eq(client, text_of(c, STR("sub")));
}

static const char *parties_check(const struct json *c, const struct token_rules *rules)
{
    bool for_us = rules->service && is_of_service(c) && str_is(text_of(c, STR("aud")), rules->service);
    bool ok = (!rules->issuer || str_is(text_of(c, STR("iss")), rules->issuer)) && (!rules->audience || for_us || audience_is(c, rules));
    return ok ? NULL : "wrong issuer or audience";
}

/* --- our own ---------------------------------------------------------------------------------------------------------- */

/* What the token says of a user's place: whose records, where, and of which generation the user was. */
static const char *place_check(struct arena *a, const struct json *c, struct principal *who)
{
    if (!scope_read(text_of(c, STR("scope")), &who->scope)) return "scope missing or unknown";
    if (!number_claim(c, STR("gen"), &who->generation)) return "generation missing";
    who->department = arena_dup(a, text_of(c, STR("dept")));
    return NULL;
}

static const char *own_check(struct arena *a, const struct json *c, struct principal *who)
{
    const struct { struct str name; struct str *to; } texts[] = { { STR("sub"), &who->user_id },
        { STR("preferred_username"), &who->username }, { STR("name"), &who->name }, { STR("jti"), &who->session_id } };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i].to = arena_dup(a, text_of(c, texts[i].name));
        if (!texts[i].to->len) return "claim missing";
    }
    if (!uuid_valid(who->user_id)) return "subject is no UUID";
    if (!claims_names(a, c, STR("roles"), NULL, &who->roles) || !claims_names(a, c, STR("permissions"), who, &who->permissions))
        return "roles or permissions missing";
    who->is_service = is_of_service(c);
    return place_check(a, c, who);
}

/* --- of an outside system --------------------------------------------------------------------------------------------- */

static struct str first_of(struct arena *a, const struct json *c, struct str one, struct str another, struct str fallback)
{
    struct str text = text_of(c, one);
    if (!text.len) text = text_of(c, another);
    return text.len ? arena_dup(a, text) : fallback;
}

/* "1.4.7": what else would not be found in our tree of departments, and must not look like a pattern in it. */
static bool is_path(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((text.p[i] < '0' || text.p[i] > '9') && text.p[i] != '.') return false;
    return text.len > 0;
}

static const char *foreign_check(struct arena *a, const struct json *c, const struct token_rules *rules, struct principal *who)
{
    struct str department = text_of(c, STR("dept"));
    who->user_id = first_of(a, c, STR("sub"), STR("user_id"), STR_NONE);
    if (!uuid_valid(who->user_id)) who->user_id = first_of(a, c, STR("user_id"), STR("sub"), STR_NONE);
    if (!uuid_valid(who->user_id)) return "subject is no UUID";
    who->username = first_of(a, c, STR("preferred_username"), STR("username"), who->user_id);
    who->name = first_of(a, c, STR("name"), STR("name"), who->username);
    who->session_id = first_of(a, c, STR("jti"), STR("jti"), STR(""));
    if (!claims_names(a, c, STR("roles"), NULL, &who->roles)) who->roles = STR("[]");
    if (!scope_read(text_of(c, STR("scope")), &who->scope)) who->scope = rules->scope; /* elsewhere it may mean another thing */
    who->department = is_path(department) ? arena_dup(a, department) : STR("");
    who->permissions = STR("[]");
    return NULL;
}

const char *claims_read(struct arena *a, const struct json *claims, const struct token_rules *rules, int64_t now_s, struct principal *who)
{
    const char *why = parties_check(claims, rules);
    if (!why) why = rules->is_foreign ? foreign_check(a, claims, rules, who) : own_check(a, claims, who);
    return why ? why : times_check(claims, rules, now_s, &who->expires_s);
}
