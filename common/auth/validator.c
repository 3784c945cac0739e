#include "auth/validator.h"

#include "auth/claims.h"
#include "auth/jwk.h"
#include "base/breaker.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "http/client.h"
#include "http/worker.h"

#include <stdlib.h>
#include <sys/queue.h>

enum { DIGEST = 32, BUCKETS = 2048, REPLY_LIMIT = 64 * 1024 };

static const struct breaker_settings patience = {
    .window_ms = 10000, .minimum = 10, .error_percent = 50, .open_ms = 1000, .open_max_ms = 10000, .probes = 2, .probe_ms = 10000,
};

struct waiter { /* in its request's arena */
    struct req *r;
    const struct principal *who;
    void (*done)(struct req *r, void *arg, enum verdict verdict);
    void *arg;
    STAILQ_ENTRY(waiter) link;
};

struct answer {
    unsigned char digest[DIGEST]; /* of the token */
    struct validator *validator;
    enum verdict verdict;
    struct principal granted; /* permissions only; texts of the arena */
    struct arena arena;
    uint64_t until_us, asked_us;
    struct breaker_pass pass;
    struct exchange *exchange; /* NULL: nothing is asked, and nobody waits */
    STAILQ_HEAD(, waiter) waiters;
    LIST_ENTRY(answer) link;
};

struct validator {
    struct worker *worker;
    struct origin *origin;
    struct str path;
    int timeout_ms;
    uint64_t ttl_us;
    struct breaker breaker;
    LIST_HEAD(, answer) buckets[BUCKETS];
    size_t kept;
    bool failing;
};

/* --- what is kept ----------------------------------------------------------------------------------------------------- */

static void answer_forget(struct answer *a)
{
    LIST_REMOVE(a, link);
    a->validator->kept--;
    arena_done(&a->arena);
    free(a);
}

/* What is over, or, when nothing is, all that nobody waits for. */
static void make_room(struct validator *v, uint64_t now_us)
{
    for (int all = 0; all < 2 && v->kept >= LIMIT_TOKEN_CACHE; all++)
        for (size_t i = 0; i < BUCKETS; i++)
            for (struct answer *a = LIST_FIRST(&v->buckets[i]), *next; a; a = next) {
                next = LIST_NEXT(a, link);
                if (!a->exchange && (all || a->until_us <= now_us)) answer_forget(a);
            }
}

static struct answer *answer_of(struct validator *v, struct str token, uint64_t now_us)
{
    unsigned char digest[DIGEST];
    struct answer *a;
    sha256(token, digest);
    size_t bucket = (digest[0] | (size_t)digest[1] << 8) % BUCKETS;
    LIST_FOREACH(a, &v->buckets[bucket], link)
        if (!memcmp(a->digest, digest, DIGEST)) return a;
    make_room(v, now_us);
    a = calloc(1, sizeof *a);
    if (!a) abort();
    memcpy(a->digest, digest, DIGEST);
    a->validator = v;
    STAILQ_INIT(&a->waiters);
    LIST_INSERT_HEAD(&v->buckets[bucket], a, link);
    v->kept++;
    return a;
}

/* --- an answer -------------------------------------------------------------------------------------------------------- */

static enum verdict body_read(struct arena *scratch, struct str body, struct principal *granted)
{
    struct problem p = { 0 };
    const struct json *v = json_read(scratch, body, &p);
    const struct json *valid = v && json_kind(v) == JSON_OBJECT ? json_get(v, STR("valid")) : NULL;
    if (!valid || json_kind(valid) != JSON_BOOL) return VERDICT_UNKNOWN;
    if (!json_is_true(valid)) return VERDICT_INVALID;
    return claims_names(scratch, v, STR("permissions"), granted, &granted->permissions) ? VERDICT_VALID : VERDICT_UNKNOWN;
}

static enum verdict reply_read(struct answer *a, const struct client_reply *reply)
{
    if (reply->error != CLIENT_OK) return VERDICT_UNKNOWN;
    if (reply->status == 401 || reply->status == 403) return VERDICT_INVALID;
    if (reply->status != 200) return VERDICT_UNKNOWN;
    struct arena scratch;
    arena_init(&scratch);
    enum verdict verdict = body_read(&scratch, reply->body, &a->granted);
    a->granted.permissions = arena_dup(&a->arena, a->granted.permissions);
    arena_done(&scratch);
    return verdict;
}

static void tell(const struct answer *a, const struct waiter *w)
{
    struct req *r = w->r;
    if (a->verdict == VERDICT_VALID) {
        struct principal *who = arena_new(&r->arena, struct principal);
        *who = *w->who;
        who->permissions = arena_dup(&r->arena, a->granted.permissions);
        memcpy(who->granted, a->granted.granted, sizeof who->granted);
        r->who = who;
    }
    w->done(r, w->arg, a->verdict);
}

static void tell_all(struct answer *a)
{
    for (struct waiter *w; (w = STAILQ_FIRST(&a->waiters));) {
        struct req *r = w->r;
        STAILQ_REMOVE_HEAD(&a->waiters, link);
        tell(a, w);
        req_release(r);
    }
}

static void note(struct validator *v, const struct answer *a, const struct client_reply *reply)
{
    bool failed = a->verdict == VERDICT_UNKNOWN;
    if (failed && !v->failing) log_warn("tokens not validated", LOG_INT("status", reply->status), LOG_Z("fault", reply->fault));
    if (!failed && v->failing) log_info("tokens are validated again");
    v->failing = failed;
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct answer *a = arg;
    struct validator *v = a->validator;
    uint64_t now = clock_us();
    arena_done(&a->arena);
    a->granted = (struct principal){ 0 };
    a->verdict = reply_read(a, reply);
    a->until_us = a->verdict == VERDICT_UNKNOWN ? 0 : now + v->ttl_us;
    breaker_report(&v->breaker, now, &a->pass, a->verdict == VERDICT_UNKNOWN ? BREAKER_FAILED : BREAKER_GOOD, now - a->asked_us);
    note(v, a, reply);
    tell_all(a); /* who comes meanwhile finds it under way, or answered */
    a->exchange = NULL;
}

/* --- asking ----------------------------------------------------------------------------------------------------------- */

static void wait_for(struct answer *a, const struct waiter *w)
{
    struct waiter *kept = arena_new(&w->r->arena, struct waiter);
    *kept = *w;
    req_hold(w->r);
    STAILQ_INSERT_TAIL(&a->waiters, kept, link);
}

static bool ask(struct answer *a, struct req *r, struct str token, uint64_t now_us)
{
    struct validator *v = a->validator;
    a->pass = breaker_admit(&v->breaker, now_us);
    if (!a->pass.allowed) return false;
    const struct header headers[] = {
        { STR("Authorization"), arena_printf(&r->arena, "Bearer %.*s", STR_ARG(token)) },
        { STR("X-Request-Id"), str_of(r->request_id) },
        { STR("Accept"), STR("application/json") },
    };
    struct client_request request = {
        .method = METHOD_GET, .target = v->path, .headers = headers, .header_count = sizeof headers / sizeof *headers,
        .timeout_ms = v->timeout_ms, .reply_max = REPLY_LIMIT, .idempotent = true,
    };
    a->asked_us = now_us;
    a->exchange = client_send(v->origin, &request, on_reply, a);
    return true;
}

void validator_ask(struct validator *v, struct req *r, struct str token, const struct principal *who,
                   void (*done)(struct req *r, void *arg, enum verdict verdict), void *arg)
{
    uint64_t now = clock_us();
    struct answer *a = answer_of(v, token, now);
    const struct waiter w = { .r = r, .who = who, .done = done, .arg = arg };
    if (!a->exchange && a->until_us > now) return tell(a, &w);
    if (a->exchange || ask(a, r, token, now)) return wait_for(a, &w);
    answer_forget(a);
    done(r, arg, VERDICT_UNKNOWN);
}

/* --- life ------------------------------------------------------------------------------------------------------------- */

struct validator *validator_new(struct worker *w, const struct validator_config *config)
{
    struct str url = config->url;
    const char *host = memmem(url.p, url.len, "://", 3), *end = url.p + url.len;
    const char *path = host ? memchr(host + 3, '/', (size_t)(end - host - 3)) : NULL;
    struct origin *origin = path ? client_origin(w->client, (struct str){ url.p, (size_t)(path - url.p) }) : NULL;
    if (!origin) return NULL;
    struct validator *v = calloc(1, sizeof *v);
    if (!v) abort();
    *v = (struct validator){ .worker = w, .origin = origin, .timeout_ms = config->timeout_ms };
    v->path = (struct str){ strndup(path, (size_t)(end - path)), (size_t)(end - path) };
    v->ttl_us = (uint64_t)config->ttl_ms * 1000;
    uint64_t seed;
    random_bytes(&seed, sizeof seed);
    breaker_init(&v->breaker, &patience, seed);
    return v;
}

void validator_free(struct validator *v)
{
    if (!v) return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct answer *a; (a = LIST_FIRST(&v->buckets[i]));) {
            if (a->exchange) client_abort(a->exchange);
            a->exchange = NULL;
            a->verdict = VERDICT_UNKNOWN;
            tell_all(a);
            answer_forget(a);
        }
    free((char *)v->path.p);
    free(v);
}
