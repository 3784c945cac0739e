#include "app/trust.h"

#include "app/app.h"
#include "app/settings.h"
#include "auth/guard.h"
#include "auth/keys.h"
#include "auth/revocations.h"
#include "auth/token.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/redis.h"
#include "io/redis_subscription.h"

static const struct str feed = STR("/internal/v1/revocations");
static const char channel[] = "crm:revocations";

#define AT(member) offsetof(struct trust, member)
const struct opt trust_opts[] = {
    { "JWKS_URL", O_STR, AT(jwks_url), NULL, O_REQUIRED, 1, 0, "where auth-service publishes its public keys" },
    { "REVOCATIONS_URL", O_STR, AT(revocations_url), NULL, 0, 1, 0,
      "where it tells which tokens are over; default: /internal/v1/revocations beside JWKS_URL" },
    { "REDIS_URL", O_STR, AT(redis_url), NULL, O_SECRET, 1, 0,
      "Redis, which says at once that a token is over: redis://[[user]:password@]address[:port][/db] or unix:///path; default: none, and "
      "it is found out by asking, within a second" },
    { 0 },
};

/* --- settings --------------------------------------------------------------------------------------------------------- */

static struct str revocations_url(const struct trust *t, struct arena *a)
{
    if (t->revocations_url) return str_of(t->revocations_url);
    const char *host = strstr(t->jwks_url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    return path ? arena_printf(a, "%.*s%.*s", (int)(path - t->jwks_url), t->jwks_url, STR_ARG(feed)) : STR_NONE;
}

bool trust_check(const struct trust *t, const struct outgoing *o, struct buf *faults)
{
    bool ok = outgoing_check_url(o, "JWKS_URL", t->jwks_url, faults);
    if (t->revocations_url) ok = outgoing_check_url(o, "REVOCATIONS_URL", t->revocations_url, faults) && ok;
    if (!t->redis_url || redis_takes_url(t->redis_url)) return ok;
    buf_addz(faults, "REDIS_URL is not a URL that can be used\n");
    return false;
}

/* --- one worker ------------------------------------------------------------------------------------------------------- */

static const struct trust *trust_of(const struct worker *w)
{
    return &((const struct app_settings *)settings_of(w))->trust;
}

bool trust_start(struct worker *w)
{
    const struct trust *t = trust_of(w);
    struct arena a;
    arena_init(&a);
    w->tokens = tokens_new();
    w->keys = keys_new(w, t->jwks_url);
    w->revocations = revocations_new(w, revocations_url(t, &a));
    if (t->redis_url && w->revocations)
        w->subscription = redis_subscribe(w->base, t->redis_url, channel, revocations_hurry, w->revocations);
    arena_done(&a);
    if (!w->keys || !w->revocations) log_error("JWKS_URL or REVOCATIONS_URL cannot be used", LOG_Z("url", t->jwks_url));
    return w->keys && w->revocations;
}

void trust_stop(struct worker *w)
{
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
