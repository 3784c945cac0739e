/* Tokens for programs: the client credentials grant (RFC 6749 section 4.4), each for one audience (RFC 8707 in spirit): a service's name,
 * which only that service takes, or "crm". */
#include "auth.h"

#include "app/service.h"
#include "auth-service_routes.h"
#include "auth/jwk.h"
#include "auth/token.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/percent.h"
#include "base/uuid.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "rest/segment.h"
#include "schema/query.h"

#include <openssl/crypto.h>

enum { CLIENT_ID, CLIENT_NAME, CLIENT_HASH, CLIENT_PERMISSIONS, CLIENT_SCOPE, CLIENT_GENERATION, CLIENT_MAY };

const struct pg_stmt stmt_client = {
    "client", "SELECT client_id, client_name, secret_hash, to_json(permissions), data_scope, generation, $2 = ANY (audiences) "
              "FROM clients WHERE client_id = $1::uuid AND enabled"
};

struct grant {
    struct str id, secret;
    const char *values[2]; /* id, audience */
    struct pg_segment *segment;
};

/* --- what is asked for ------------------------------------------------------------------------------------------------ */

static bool is_form(const struct req *r)
{
    struct str type = req_header(r, STR("Content-Type"));
    return str_ieq(str_trim(str_cut(&type, ';')), STR("application/x-www-form-urlencoded"));
}

/* RFC 6749 section 2.3.1: both parts are form-encoded, then Basic (RFC 7617). */
static bool read_basic(struct req *r, struct grant *g)
{
    struct str value = req_header(r, STR("Authorization")), both;
    if (value.len < 6 || !str_ieq(str_sub(value, 0, 6), STR("Basic "))) return str_is_none(value);
    value = str_trim(str_sub(value, 6, value.len));
    while (value.len && value.p[value.len - 1] == '=') value.len--;
    char *text = arena_cstr(&r->arena, value);
    for (char *p = text; *p; p++) *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    if (!base64url_decode(&r->arena, str_of(text), &both)) return false;
    struct str id = str_cut(&both, ':');
    return !str_is_none(both) && percent_decode(&r->arena, id, true, &g->id) && percent_decode(&r->arena, both, true, &g->secret);
}

static void bad(struct req *r, const char *field, const char *reason, const char *allowed)
{
    problem_add(&r->problem, &r->arena, E_INVALID_FIELD, str_of(field), str_of(reason))->allowed = str_of(allowed);
}

static void read_form(struct req *r, struct grant *g)
{
    static const char *const known[] = { "grant_type", "audience", "client_id", "client_secret" };
    struct query_param params[LIMIT_QUERY_PARAMS];
    struct str values[4] = { { 0 } };
    size_t count = 0;
    if (!query_split(&r->arena, r->body, params, &count, &r->problem)) return;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < 4 && !str_is(params[i].name, known[k])) k++;
        if (k < 4) values[k] = params[i].value;
        else bad(r, arena_cstr(&r->arena, params[i].name), "is not a known parameter", NULL);
    }
    if (!str_is(values[0], "client_credentials")) bad(r, "grant_type", "is not one of the allowed values", "client_credentials");
    if (!values[1].len) bad(r, "audience", "is required", NULL);
    if (str_is_none(g->id)) g->id = values[2], g->secret = values[3];
    else if (!str_is_none(values[2]) || !str_is_none(values[3])) bad(r, "client_id", "is given twice", NULL);
    if (!g->id.len) bad(r, "client_id", "is required", NULL);
    g->values[1] = arena_cstr(&r->arena, values[1]);
}

/* --- the grant -------------------------------------------------------------------------------------------------------- */

static void say_form(struct req *r)
{
    problem_add(&r->problem, &r->arena, E_UNSUPPORTED_MEDIA, STR("Content-Type"), STR("must be application/x-www-form-urlencoded"));
}

static enum step grant_query(struct req *r)
{
    struct grant *g = r->state;
    if (!is_form(r)) return say_form(r), STEP_FAIL;
    bool has_basic = read_basic(r, g);
    if (has_basic) read_form(r, g);
    if (r->problem.code == E_OK && (!has_basic || !uuid_valid(g->id))) problem_set(&r->problem, E_BAD_CREDENTIALS);
    if (r->problem.code != E_OK) return STEP_FAIL;
    g->values[0] = arena_cstr(&r->arena, g->id);
    g->segment = segment_new(r, PG_FAST, true);
    pg_add(g->segment, &stmt_client, g->values, 2);
    pg_add(g->segment, &stmt_key_signing, NULL, 0);
    pg_submit(r->worker->pg, g->segment);
    return STEP_WAIT;
}

struct str client_secret_hash(struct arena *a, struct str secret)
{
    unsigned char digest[32];
    sha256(secret, digest);
    return base64url_encode(a, (struct str){ (char *)digest, sizeof digest });
}

static struct str client(const struct grant *g, int column)
{
    return pg_rows(g->segment, 0) ? pg_value(g->segment, 0, 0, column) : STR_NONE;
}

static bool secret_is_right(struct req *r, const struct grant *g)
{
    struct str given = client_secret_hash(&r->arena, g->secret), kept = client(g, CLIENT_HASH);
    return kept.len == given.len && CRYPTO_memcmp(given.p, kept.p, kept.len) == 0;
}

static struct str sign(struct req *r, const struct grant *g, int ttl_s)
{
    char session[UUID_LEN + 1];
    int64_t now = clock_unix_ms() / 1000;
    uuid_v7(session);
    struct token_claims claims = {
        .user_id = client(g, CLIENT_ID), .username = client(g, CLIENT_NAME), .name = client(g, CLIENT_NAME), .session_id = str_of(session),
        .roles = STR("[]"), .permissions = client(g, CLIENT_PERMISSIONS), .scope = client(g, CLIENT_SCOPE),
        .generation = client(g, CLIENT_GENERATION), .audience = str_of(g->values[1]), .is_service = true,
        .issued_s = now, .expires_s = now + ttl_s,
    };
    if (!pg_rows(g->segment, 1)) return STR_NONE;
    return token_sign(&r->arena, arena_cstr(&r->arena, pg_value(g->segment, 1, 0, 1)),
                      arena_cstr(&r->arena, pg_value(g->segment, 1, 0, 0)), &claims);
}

static enum step grant_reply(struct req *r)
{
    struct grant *g = r->state;
    const struct auth_settings *settings = service_settings(r->worker);
    if (!secret_is_right(r, g)) return problem_set(&r->problem, E_BAD_CREDENTIALS), STEP_FAIL;
    if (!str_is(client(g, CLIENT_MAY), "t")) return bad(r, "audience", "is not one that this client may have tokens for", NULL), STEP_FAIL;
    struct str token = sign(r, g, settings->token_ttl_s);
    if (!token.len) {
        r->problem.retry_after_s = 1; /* no signing key yet */
        return problem_set(&r->problem, E_SERVICE_DOWN), STEP_FAIL;
    }
    struct jw w = jw_to(&r->out);
    buf_clear(&r->out);
    jw_object(&w);
    jw_key(&w, STR("access_token"));
    jw_str(&w, token);
    jw_key(&w, STR("token_type"));
    jw_str(&w, STR("bearer"));
    jw_key(&w, STR("expires_in"));
    jw_int(&w, settings->token_ttl_s);
    jw_object_end(&w);
    req_reply_header(r, STR("Cache-Control"), STR("no-store"));
    reply_raw(r, 200, STR("application/json; charset=utf-8"), buf_str(&r->out));
    return STEP_WAIT;
}

static const step_fn grant_steps[] = { grant_query, grant_reply, NULL };

void auth_token(struct req *r)
{
    r->state = arena_new(&r->arena, struct grant);
    flow_start(r, grant_steps);
}
