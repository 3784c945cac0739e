#include "grant.h"

#include "auth.h"
#include "throttle.h"

#include "app/service.h"
#include "auth/jwk.h"
#include "auth/principal.h"
#include "auth/token.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "base/uuid.h"

#include <openssl/evp.h>

enum { HASH_LEN = 32 };
enum { SESSION_ID, USER_ID, USERNAME, NAME, ROLES, PERMISSIONS, SCOPE, DEPARTMENT, GENERATION, MUST_CHANGE };

const struct pg_stmt stmt_session_begin = {
    "session_begin", "SELECT session_begin($1::uuid, $2, $3::bytea, $4::integer, $5::integer, $6::uuid, $7, $8, $9, $10)"
};

/* Whoever has to change the password may do nothing else: on every service, as no permission is in the token. */
const struct pg_stmt stmt_grant = {
    "grant", "SELECT s.session_id, i.user_id, i.username, i.name, i.roles, "
             "CASE WHEN u.must_change_password THEN '[]' ELSE i.permissions::text END, "
             "i.data_scope, i.department, i.generation, u.must_change_password "
             "FROM refresh_tokens t JOIN live_sessions s USING (session_id) JOIN identities i USING (user_id) JOIN users u USING (user_id) "
             "WHERE t.hash = $1::bytea AND t.rotated_time IS NULL AND i.enabled"
};

/* --- refresh tokens ------------------------------------------------------------------------------------------------------ */

const char *grant_hash(struct arena *a, struct str refresh_token)
{
    unsigned char hash[HASH_LEN];
    char *hex = arena_alloc(a, 2 + 2 * HASH_LEN + 1);
    if (EVP_Digest(refresh_token.p, refresh_token.len, hash, NULL, EVP_sha256(), NULL) != 1) return NULL;
    memcpy(hex, "\\x", 2);
    for (int i = 0; i < HASH_LEN; i++) {
        hex[2 + 2 * i] = "0123456789abcdef"[hash[i] >> 4];
        hex[3 + 2 * i] = "0123456789abcdef"[hash[i] & 15];
    }
    return hex;
}

static void grant_of(struct arena *a, struct grant *g, const unsigned char bytes[REFRESH_TOKEN_BYTES])
{
    struct str token = base64url_encode(a, (struct str){ (const char *)bytes, REFRESH_TOKEN_BYTES });
    *g = (struct grant){ .refresh_token = arena_cstr(a, token), .hash = grant_hash(a, token) };
}

void grant_new(struct arena *a, struct grant *g)
{
    unsigned char bytes[REFRESH_TOKEN_BYTES];
    random_bytes(bytes, sizeof bytes);
    grant_of(a, g, bytes);
}

void grant_derive(struct arena *a, struct grant *g, struct str seed, struct str repeat_key)
{
    unsigned char bytes[REFRESH_TOKEN_BYTES];
    hmac_sha256(seed, repeat_key, bytes);
    grant_of(a, g, bytes);
}

/* --- the session ----------------------------------------------------------------------------------------------------------- */

static const char *user_agent(struct req *r)
{
    struct str agent = req_header(r, STR("User-Agent"));
    return agent.len && utf8_printable(agent, false) ? arena_cstr(&r->arena, agent) : NULL;
}

void grant_begin_session(struct req *r, struct pg_segment *s, const struct grant *g, const char *user_id, const char *hash,
                         const char *device_name)
{
    const struct auth_settings *settings = service_settings(r->worker);
    char session_id[UUID_LEN + 1];
    uuid_v7(session_id);
    const char *const values[] = {
        user_id,
        hash,
        g->hash,
        arena_printf(&r->arena, "%d", settings->refresh_ttl_s).p,
        arena_printf(&r->arena, "%d", settings->sessions_max).p,
        arena_cstr(&r->arena, str_of(session_id)),
        device_name,
        arena_cstr(&r->arena, r->peer),
        arena_cstr(&r->arena, throttle_origin(&r->arena, r->peer)),
        user_agent(r),
    };
    const char **kept = arena_array(&r->arena, const char *, sizeof values / sizeof *values);
    memcpy(kept, values, sizeof values);
    pg_add(s, &stmt_session_begin, kept, sizeof values / sizeof *values);
}

const char *grant_session_of(struct req *r)
{
    return uuid_valid(r->who->session_id) ? arena_cstr(&r->arena, r->who->session_id) : NULL;
}

/* --- the reply -------------------------------------------------------------------------------------------------------------- */

void grant_add(struct grant *g, struct pg_segment *s)
{
    g->call = s->count;
    pg_add(s, &stmt_grant, &g->hash, 1);
    pg_add(s, &stmt_key_signing, NULL, 0);
}

bool grant_is_given(const struct grant *g, const struct pg_segment *s)
{
    return pg_rows(s, g->call) > 0;
}

static struct str sign(struct req *r, const struct pg_segment *s, int call, int ttl_s)
{
    int64_t now = clock_unix_ms() / 1000;
    struct token_claims claims = {
        .user_id = pg_value(s, call, 0, USER_ID),
        .username = pg_value(s, call, 0, USERNAME),
        .name = pg_value(s, call, 0, NAME),
        .session_id = pg_value(s, call, 0, SESSION_ID),
        .roles = pg_value(s, call, 0, ROLES),
        .permissions = pg_value(s, call, 0, PERMISSIONS),
        .scope = pg_value(s, call, 0, SCOPE),
        .department = pg_value(s, call, 0, DEPARTMENT),
        .generation = pg_value(s, call, 0, GENERATION),
        .issued_s = now,
        .expires_s = now + ttl_s,
    };
    if (!pg_rows(s, call + 1)) return STR_NONE;
    const char *kid = arena_cstr(&r->arena, pg_value(s, call + 1, 0, 0)), *pem = arena_cstr(&r->arena, pg_value(s, call + 1, 0, 1));
    return token_sign(&r->arena, pem, kid, &claims);
}

static void write_user(struct jw *w, const struct pg_segment *s, int call)
{
    static const struct { struct str key; int column; } texts[] = {
        { STR("user_id"), USER_ID }, { STR("username"), USERNAME }, { STR("name"), NAME }
    };
    jw_object(w);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        jw_key(w, texts[i].key);
        jw_str(w, pg_value(s, call, 0, texts[i].column));
    }
    jw_key(w, STR("roles"));
    jw_raw(w, pg_value(s, call, 0, ROLES));
    jw_object_end(w);
}

bool grant_write(struct req *r, const struct grant *g, const struct pg_segment *s, struct jw *w)
{
    const struct auth_settings *settings = service_settings(r->worker);
    struct str token = sign(r, s, g->call, settings->token_ttl_s);
    if (!token.len) {
        r->problem.retry_after_s = 1; /* no signing key yet */
        problem_set(&r->problem, E_SERVICE_DOWN);
        return false;
    }
    jw_object(w);
    jw_key(w, STR("access_token"));
    jw_str(w, token);
    jw_key(w, STR("token_type"));
    jw_str(w, STR("bearer"));
    jw_key(w, STR("expires_in"));
    jw_int(w, settings->token_ttl_s);
    jw_key(w, STR("user_info"));
    write_user(w, s, g->call);
    jw_key(w, STR("refresh_token"));
    jw_str(w, str_of(g->refresh_token));
    jw_key(w, STR("refresh_expires_in"));
    jw_int(w, settings->refresh_ttl_s);
    jw_key(w, STR("must_change_password"));
    jw_bool(w, str_is(pg_value(s, g->call, 0, MUST_CHANGE), "t"));
    jw_object_end(w);
    return true;
}
