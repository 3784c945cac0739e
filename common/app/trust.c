#include "app/trust.h"

#include "app/app.h"
#include "app/settings.h"
#include "auth/guard.h"
#include "auth/keys.h"
#include "auth/revocations.h"
#include "auth/token.h"
#include "auth/validator.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "io/redis.h"
#include "io/redis_subscription.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECRET_FILE_MAX = 4096 };

static const struct str feed = STR("/internal/v1/revocations");
static const char channel[] = "crm:revocations";

#define AT(member) offsetof(struct trust, member)
const struct opt trust_opts[] = {
    { "AUTH_MODE", O_STR, AT(mode), "internal", 0, 1, 0,
      "whose tokens count: internal, those of auth-service; external, those of an outside system, and the settings AUTH_... below" },
    { "JWKS_URL", O_STR, AT(jwks_url), NULL, 0, 1, 0,
      "where public keys (ES256) are published; required unless AUTH_HS256_SECRET or AUTH_HS256_SECRET_FILE is set" },
    { "REVOCATIONS_URL", O_STR, AT(revocations_url), NULL, 0, 1, 0,
      "where it tells which tokens are over; default: /internal/v1/revocations beside JWKS_URL" },
    { "REDIS_URL", O_STR, AT(redis_url), NULL, O_SECRET, 1, 0,
      "Redis, which says at once that a token is over: redis://[[user]:password@]address[:port][/db] or unix:///path; default: none, and "
      "it is found out by asking, within a second" },
    { "AUTH_HS256_SECRET", O_STR, AT(hs256_secret), NULL, O_SECRET, 1, 0,
      "external: tokens are HS256 by this secret, at least 32 bytes and not a simple one" },
    { "AUTH_HS256_SECRET_FILE", O_STR, AT(hs256_secret_file), NULL, 0, 1, 0, "external: the same, as a file with nothing else in it" },
    { "AUTH_VALIDATE_URL", O_STR, AT(validate_url), NULL, 0, 1, 0,
      "external, required: where it is asked for the permissions of a token, such as http://auth-service/api/v1/auth/validate" },
    { "AUTH_VALIDATE_TIMEOUT_MS", O_INT, AT(validate_timeout_ms), "2000", 0, 1, 60000, "external: how long it has, in milliseconds" },
    { "AUTH_VALIDATE_TTL_MS", O_INT, AT(validate_ttl_ms), "1000", 0, 0, 3600000,
      "external: how long its answer is kept, and so how long a change there may take to be known here, in milliseconds" },
    { "AUTH_ISSUER", O_STR, AT(issuer), NULL, 0, 1, 0, "external: what iss has to be; default: anything" },
    { "AUTH_AUDIENCE", O_STR, AT(audience), NULL, 0, 1, 0, "external: what aud has to be or hold; default: anything" },
    { "AUTH_DEFAULT_SCOPE", O_STR, AT(default_scope), "own", 0, 1, 0,
      "external: whose records a user sees whose token has no scope: own, department, department_and_below or all" },
    { 0 },
};

/* --- settings --------------------------------------------------------------------------------------------------------- */

static struct str revocations_url(const struct trust *t, struct arena *a)
{
    if (t->revocations_url) return str_of(t->revocations_url);
    const char *host = strstr(t->jwks_url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    return path ? arena_printf(a, "%.*s%.*s", (int)(path - t->jwks_url), t->jwks_url, STR_ARG(feed)) : STR_NONE;
}

static bool fault(struct buf *faults, const char *what)
{
    buf_addf(faults, "%s\n", what);
    return false;
}

/* A file of one line, or of bytes: a newline that an editor has put at its end is no part of it. */
static char *secret_read(const char *path)
{
    char bytes[SECRET_FILE_MAX];
    FILE *f = fopen(path, "re");
    size_t len = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    if (f) fclose(f);
    while (len && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r')) len--;
    return len && len < sizeof bytes && !memchr(bytes, 0, len) ? strndup(bytes, len) : NULL;
}

static bool secret_make(struct trust *t, struct buf *faults)
{
    if (!t->hs256_secret && !t->hs256_secret_file) return true;
    if (t->hs256_secret && t->hs256_secret_file) return fault(faults, "AUTH_HS256_SECRET and AUTH_HS256_SECRET_FILE exclude each other");
    if (t->jwks_url) return fault(faults, "JWKS_URL and a secret for HS256 exclude each other: a token has one kind of key");
    t->secret = t->hs256_secret ? strdup(t->hs256_secret) : secret_read(t->hs256_secret_file);
    if (!t->secret) return fault(faults, "AUTH_HS256_SECRET_FILE cannot be read as a secret");
    const char *weakness = secret_weakness(str_of(t->secret));
    if (weakness) buf_addf(faults, "AUTH_HS256_SECRET is %s\n", weakness);
    return !weakness;
}

static bool foreign_make(struct trust *t, const struct outgoing *o, struct buf *faults)
{
    enum data_scope scope;
    bool ok = secret_make(t, faults);
    if (!scope_read(str_of(t->default_scope), &scope)) ok = fault(faults, "AUTH_DEFAULT_SCOPE is no scope");
    if (t->validate_url) return outgoing_check_url(o, "AUTH_VALIDATE_URL", t->validate_url, faults) && ok;
    return fault(faults, "AUTH_VALIDATE_URL is required with AUTH_MODE=external");
}

/* A setting that would be of no effect here may be somebody's belief that it is. */
static bool own_make(const struct trust *t, struct buf *faults)
{
    const struct { const char *name, *value; } foreign[] = {
        { "AUTH_HS256_SECRET", t->hs256_secret }, { "AUTH_HS256_SECRET_FILE", t->hs256_secret_file },
        { "AUTH_VALIDATE_URL", t->validate_url }, { "AUTH_ISSUER", t->issuer }, { "AUTH_AUDIENCE", t->audience } };
    bool ok = true;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (!foreign[i].value) continue;
        buf_addf(faults, "%s is for AUTH_MODE=external\n", foreign[i].name);
        ok = false;
    }
    return ok;
}

static bool urls_check(const struct trust *t, const struct outgoing *o, struct buf *faults)
{
    bool ok = true;
    if (!t->jwks_url && !t->secret) ok = fault(faults, "JWKS_URL is required");
    if (t->jwks_url) ok = outgoing_check_url(o, "JWKS_URL", t->jwks_url, faults);
    if (t->revocations_url) ok = outgoing_check_url(o, "REVOCATIONS_URL", t->revocations_url, faults) && ok;
    if (t->redis_url && !redis_takes_url(t->redis_url)) ok = fault(faults, "REDIS_URL is not a URL that can be used");
    return ok;
}

bool trust_make(struct trust *t, const struct outgoing *o, struct buf *faults)
{
    t->is_foreign = !strcmp(t->mode, "external");
    bool ok = t->is_foreign || !strcmp(t->mode, "internal") || fault(faults, "AUTH_MODE is neither internal nor external");
    ok = (t->is_foreign ? foreign_make(t, o, faults) : own_make(t, faults)) && ok;
    return urls_check(t, o, faults) && ok;
}

void trust_done(struct trust *t)
{
    if (t->secret) OPENSSL_cleanse(t->secret, strlen(t->secret));
    free(t->secret);
}

/* --- one worker ------------------------------------------------------------------------------------------------------- */

static const struct trust *trust_of(const struct worker *w)
{
    return &((const struct app_settings *)settings_of(w))->trust;
}

/* The gateway is no audience: a token for one service does not come from outside. */
static struct token_rules rules_of(const struct worker *w, const struct trust *t)
{
    struct token_rules rules = tokens_own;
    rules.service = w->app->trusts_gateway ? w->app->name : NULL;
    if (!t->is_foreign) return rules;
    rules = (struct token_rules){ .issuer = t->issuer, .audience = t->audience, .is_foreign = true, .secret = str_of(t->secret) };
    scope_read(str_of(t->default_scope), &rules.scope);
    return rules;
}

/* Who tells that tokens are over: auth-service, or, of an outside system, its answers to validate. */
static bool start_revocations(struct worker *w, const struct trust *t)
{
    struct arena a;
    if (t->is_foreign && !t->revocations_url) return true;
    arena_init(&a);
    w->revocations = revocations_new(w, revocations_url(t, &a));
    arena_done(&a);
    if (w->revocations && t->redis_url)
        w->subscription = redis_subscribe(w->base, t->redis_url, channel, revocations_hurry, w->revocations);
    return w->revocations;
}

static bool start_validator(struct worker *w, const struct trust *t)
{
    const struct validator_config config = { str_of(t->validate_url), t->validate_timeout_ms, t->validate_ttl_ms };
    if (t->is_foreign) w->validator = validator_new(w, &config);
    return w->validator || !t->is_foreign;
}

bool trust_start(struct worker *w)
{
    const struct trust *t = trust_of(w);
    struct token_rules rules = rules_of(w, t);
    w->tokens = tokens_new(&rules);
    if (t->jwks_url) w->keys = keys_new(w, t->jwks_url);
    bool ok = (w->keys || !t->jwks_url) && start_revocations(w, t) && start_validator(w, t);
    if (!ok) log_error("a URL for tokens cannot be used", LOG_Z("jwks", t->jwks_url), LOG_Z("validate", t->validate_url));
    return ok;
}

void trust_stop(struct worker *w)
{
    validator_free(w->validator);
    redis_unsubscribe(w->subscription);
    if (w->revocations) revocations_free(w->revocations);
    if (w->keys) keys_free(w->keys);
    tokens_free(w->tokens);
}

bool trust_is_ready(const struct worker *w)
{
    return guard_is_ready(w);
}

/* --- metrics ---------------------------------------------------------------------------------------------------------- */

/* Of the worker that is worst off: one that lets in what is over is enough. */
void trust_print(const struct app *app, struct buf *out)
{
    uint64_t oldest = UINT64_MAX, count = 0, now = clock_us();
    for (int i = 0; i < app->worker_count; i++) {
        uint64_t us = __atomic_load_n(&app->workers[i].revocations_us, __ATOMIC_RELAXED);
        uint64_t n = __atomic_load_n(&app->workers[i].revocation_count, __ATOMIC_RELAXED);
        if (us < oldest) oldest = us;
        if (n > count) count = n;
    }
    buf_addf(out,
             "# HELP revocations Sessions and users whose tokens, or older ones, are refused.\n"
             "# TYPE revocations gauge\nrevocations %llu\n"
             "# HELP revocations_age_seconds Since the list of them was last read to its end; not there before.\n"
             "# TYPE revocations_age_seconds gauge\n",
             (unsigned long long)count);
    if (oldest) buf_addf(out, "revocations_age_seconds %.3f\n", (double)(now - (oldest < now ? oldest : now)) / 1e6);
}
