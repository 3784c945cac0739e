#include "limiter.h"

#include "gateway.h"
#include "limit_headers.h"
#include "leases.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/reply.h"
#include "http/worker.h"
#include "io/redis.h"

#include <stdio.h>
#include <stdlib.h>

/* KEYS: windows. ARGV: of each, the interval in microseconds, the capacity, how many are wanted. Takes up to as many of each, or none
 * when one has no room. Answers, of each, how many it took and for how long they are owed. The clock is the server's, and a key
 * ends when all of it is paid back. */
static const char script[] =
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000000 + time[2]\n"
    "local owed, room, passes, answer = {}, {}, true, {}\n"
    "for i, key in ipairs(KEYS) do\n"
    "  local interval, capacity = ARGV[3 * i - 2], ARGV[3 * i - 1]\n"
    "  owed[i] = math.max(tonumber(redis.call('GET', key) or 0), now)\n"
    "  room[i] = math.floor((now + interval * capacity - owed[i]) / interval)\n"
    "  passes = passes and room[i] >= 1\n"
    "end\n"
    "for i, key in ipairs(KEYS) do\n"
    "  local taken = passes and math.min(ARGV[3 * i], room[i]) or 0\n"
    "  owed[i] = owed[i] + taken * ARGV[3 * i - 2]\n"
    "  if taken > 0 then\n"
    "    redis.call('SET', key, string.format('%.0f', owed[i]), 'PX', math.ceil((owed[i] - now) / 1000))\n"
    "  end\n"
    "  answer[2 * i - 1] = taken\n"
    "  answer[2 * i] = owed[i] - now\n"
    "end\n"
    "return answer\n";

enum { ARGS_MAX = 3 + RATE_WINDOWS * 4, NUMBER_MAX = 24 };

/* A question to Redis. */
struct asked {
    struct worker *worker;
    struct req *r; /* waits for the answer; NULL: a lease is filled up ahead of need, and this is freed then */
    struct rate_check check;
    bool with_script; /* its text goes along: this Redis does not have it */
    char keys[];
};

/* --- counts ------------------------------------------------------------------------------------------------------------- */

enum decider { BY_LEASE, BY_REDIS, BY_GATEWAY, BY_NOBODY, DECIDERS };
static const char *const decider_names[DECIDERS] = { "lease", "redis", "gateway", "nobody" };

/* Written by one thread, read by any: relaxed atomics. */
struct numbers {
    uint64_t passed[DECIDERS], refused[DECIDERS];
};

static struct {
    int workers;
    struct numbers *numbers;
    int is_alone; /* the last decision was made without Redis */
} limiter;

void limiter_start(int workers)
{
    limiter.workers = workers;
    limiter.numbers = calloc((size_t)workers, sizeof *limiter.numbers);
    if (!limiter.numbers) abort();
    leases_start();
}

void limiter_stop(void)
{
    leases_stop();
    free(limiter.numbers);
}

static void count(const struct req *r, enum decider by, bool passes)
{
    struct numbers *n = &limiter.numbers[r->worker->index];
    uint64_t *to = passes ? &n->passed[by] : &n->refused[by];
    __atomic_store_n(to, *to + 1, __ATOMIC_RELAXED);
}

/* Said once for the process when it changes. */
static void tell_alone(bool is_alone)
{
    if (__atomic_load_n(&limiter.is_alone, __ATOMIC_RELAXED) == is_alone) return;
    if (__atomic_exchange_n(&limiter.is_alone, is_alone, __ATOMIC_RELAXED) == is_alone) return;
    if (is_alone) log_warn("Redis does not answer: rate limits are local");
    else log_info("rate limits are in Redis again");
}

static void print_counts(struct buf *out, const char *outcome, size_t offset)
{
    for (int by = 0; by < DECIDERS; by++) {
        uint64_t sum = 0;
        for (int i = 0; i < limiter.workers; i++)
            sum += __atomic_load_n((const uint64_t *)((const char *)&limiter.numbers[i] + offset) + by, __ATOMIC_RELAXED);
        buf_addf(out, "rate_decisions_total{outcome=\"%s\",by=\"%s\"} %llu\n", outcome, decider_names[by], (unsigned long long)sum);
    }
}

void limiter_print(struct buf *out)
{
    buf_addz(out, "# HELP rate_decisions_total Requests that limits let pass or refused, by who decided.\n"
                  "# TYPE rate_decisions_total counter\n");
    print_counts(out, "passed", offsetof(struct numbers, passed));
    print_counts(out, "refused", offsetof(struct numbers, refused));
    buf_addf(out,
             "# HELP rate_limits_local 1 while rate limits are local, as Redis does not answer.\n# TYPE rate_limits_local gauge\n"
             "rate_limits_local %d\n",
             __atomic_load_n(&limiter.is_alone, __ATOMIC_RELAXED));
}

/* --- the outcome ----------------------------------------------------------------------------------------------------------- */

static void settle(struct req *r, const struct rate_check *c, enum lease_verdict verdict, enum decider by)
{
    count(r, by, verdict == LEASE_PASSES);
    limit_headers(r, c);
    if (verdict == LEASE_PASSES) return proxy(r);
    r->problem.retry_after_s = limit_retry_after_s(c);
    reply_fail(r, E_TOO_MANY_REQUESTS);
}

static void settle_alone(struct req *r, struct rate_check *c)
{
    const struct gateway_settings *s = settings_of(r->worker);
    enum rate_fallback fallback = rates_fallback(&s->rates, r->route);
    if (((struct gateway *)r->worker->extra)->redis) tell_alone(true);
    if (fallback == FALLBACK_LOCAL) return settle(r, c, leases_alone(c), BY_GATEWAY);
    count(r, BY_NOBODY, fallback == FALLBACK_OPEN);
    if (fallback == FALLBACK_OPEN) return proxy(r);
    r->problem.retry_after_s = 1;
    reply_fail(r, E_SERVICE_DOWN);
}

/* --- Redis ------------------------------------------------------------------------------------------------------------------ */

static void ask(struct asked *a);

static bool read_grants(const struct rate_check *c, const struct redis_value *v, struct rate_grant *grants)
{
    if (v->kind != REDIS_ARRAY || v->count != 2 * c->count) return false;
    for (size_t i = 0; i < c->count; i++) {
        int64_t granted = v->items[2 * i].integer, owed = v->items[2 * i + 1].integer;
        if (granted < 0 || granted > c->want[i] || owed < 0) return false;
        grants[i] = (struct rate_grant){ (uint32_t)granted, (uint64_t)owed };
    }
    return true;
}

static void on_refill(struct asked *a, const struct redis_value *v)
{
    struct rate_grant grants[RATE_WINDOWS];
    if (read_grants(&a->check, v, grants)) leases_filled(&a->check, grants);
    free(a);
}

static void on_answer(void *arg, const struct redis_value *v)
{
    struct asked *a = arg;
    struct req *r = a->r;
    struct rate_grant grants[RATE_WINDOWS];
    bool is_new = v->kind == REDIS_ERROR && str_has_prefix(v->text, STR("NOSCRIPT"));
    if (is_new && !a->with_script) {
        a->with_script = true;
        return ask(a);
    }
    a->check.now_us = clock_us();
    if (!r) return on_refill(a, v);
    if (!r->conn) reply_fail(r, E_BAD_REQUEST); /* what it counted is what the client did */
    else if (read_grants(&a->check, v, grants)) {
        tell_alone(false);
        settle(r, &a->check, leases_granted(&a->check, grants), BY_REDIS);
    } else settle_alone(r, &a->check);
    req_release(r);
}

/* The digest by which Redis calls the script; until it is known, its text goes along. */
static void on_digest(void *arg, const struct redis_value *v)
{
    struct gateway *g = arg;
    bool is_digest = v->kind == REDIS_STRING && v->text.len == RATE_DIGEST;
    if (is_digest) memcpy(g->rate_script, v->text.p, RATE_DIGEST);
    g->is_loading = false;
}

static void learn_digest(struct gateway *g, int timeout_ms)
{
    static const char *const load[] = { "SCRIPT", "LOAD", script };
    if (*g->rate_script || g->is_loading) return;
    g->is_loading = true;
    redis_command(g->redis, timeout_ms, on_digest, g, 3, load, NULL);
}

static void ask(struct asked *a)
{
    struct gateway *g = a->worker->extra;
    const struct gateway_settings *s = settings_of(a->worker);
    const struct rate_check *c = &a->check;
    learn_digest(g, s->rates.redis_ms);
    a->with_script |= !*g->rate_script;
    const char *args[ARGS_MAX] = { a->with_script ? "EVAL" : "EVALSHA", a->with_script ? script : g->rate_script };
    char numbers[1 + RATE_WINDOWS * 3][NUMBER_MAX];
    int n = 2, used = 0;
    snprintf(numbers[used], NUMBER_MAX, "%zu", c->count);
    args[n++] = numbers[used++];
    for (size_t i = 0; i < c->count; i++) args[n++] = c->windows[i].key.p;
    for (size_t i = 0; i < c->count; i++) {
        const uint64_t values[] = { c->windows[i].rate.interval_us, c->windows[i].rate.capacity, c->want[i] };
        for (int k = 0; k < 3; k++) {
            snprintf(numbers[used], NUMBER_MAX, "%llu", (unsigned long long)values[k]);
            args[n++] = numbers[used++];
        }
    }
    redis_command(g->redis, s->rates.redis_ms, on_answer, a, n, args, NULL);
}

static void ask_redis(struct req *r, const struct rate_check *c)
{
    struct asked *a = arena_new(&r->arena, struct asked);
    *a = (struct asked){ .worker = r->worker, .r = r, .check = *c };
    req_hold(r);
    ask(a);
}

/* The request does not wait, so its memory does not last: the keys come along. */
static void refill(struct worker *w, const struct rate_check *c)
{
    size_t size = 0;
    for (size_t i = 0; i < c->count; i++) size += c->windows[i].key.len + 1;
    struct asked *a = malloc(sizeof *a + size);
    if (!a) return; /* asked for when it is used up */
    *a = (struct asked){ .worker = w, .check = *c };
    char *end = a->keys;
    for (size_t i = 0; i < c->count; i++) {
        struct str *key = &a->check.windows[i].key;
        char *at = end;
        end = str_put(end, *key);
        *end++ = '\0';
        key->p = at;
    }
    ask(a);
}

void limiter_admit(struct req *r)
{
    const struct gateway *g = r->worker->extra;
    const struct gateway_settings *s = settings_of(r->worker);
    struct rate_check c = { .replicas = (uint32_t)s->rates.replicas, .now_us = clock_us() };
    c.count = rates_of(&s->rates, r, c.windows);
    if (!c.count) return proxy(r);
    bool is_ready = g->redis && redis_ready(g->redis);
    enum lease_verdict verdict = leases_take(&c);
    if (verdict == LEASE_PASSES && is_ready && leases_run_low(&c)) refill(r->worker, &c);
    if (verdict != LEASE_ASK) settle(r, &c, verdict, BY_LEASE);
    else if (is_ready) ask_redis(r, &c);
    else settle_alone(r, &c);
}
