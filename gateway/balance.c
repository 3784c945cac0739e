#include "balance.h"

#include <stdlib.h>

enum {
    WEIGHT = 8,                     /* of the average against a new value: RFC 6298, section 2 */
    LATENCY_MAX_US = 60 * 1000 * 1000
};

struct balance {
    const struct balance_settings *settings;
    struct host *hosts[BALANCE_HOSTS_MAX];
    size_t count;
    uint32_t last_id;
};

const struct balance_settings balance_usual = {
    .failures = 5,
    .out_ms = 5 * 1000,
    .out_max_ms = 120 * 1000,
    .rise = 2,
    .fall = 3,
    .stale_ms = 10 * 1000,
};

struct balance *balance_new(const struct balance_settings *settings)
{
    struct balance *b = calloc(1, sizeof *b);
    if (!b) abort();
    b->settings = settings;
    return b;
}

/* --- the set --------------------------------------------------------------------------------------------------------- */

static struct host *host_new(struct balance *b, struct str address)
{
    struct host *h = calloc(1, sizeof *h + address.len + 1);
    if (!h) abort();
    memcpy(h->address, address.p, address.len);
    h->id = ++b->last_id;
    h->up = true;
    h->holds = 1;
    return h;
}

static void host_release(struct host *h, const struct balance_settings *s)
{
    if (--h->holds) return;
    if (s->forget && h->extra) s->forget(h->extra);
    free(h);
}

void balance_free(struct balance *b)
{
    for (size_t i = 0; i < b->count; i++) host_release(b->hosts[i], b->settings);
    free(b);
}

static struct host *find(struct host *const *hosts, size_t count, struct str address)
{
    for (size_t i = 0; i < count; i++)
        if (str_is(address, hosts[i]->address)) return hosts[i];
    return NULL;
}

bool balance_set(struct balance *b, const struct str *addresses, size_t count)
{
    struct host *next[BALANCE_HOSTS_MAX];
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < count && n < BALANCE_HOSTS_MAX; i++) {
        if (find(next, n, addresses[i])) continue;
        struct host *known = find(b->hosts, b->count, addresses[i]);
        if (known) known->holds++, kept++;
        next[n++] = known ? known : host_new(b, addresses[i]);
    }
    if (!n || (n == b->count && n == kept)) {
        for (size_t i = 0; i < n; i++) next[i]->holds--;
        return false;
    }
    for (size_t i = 0; i < b->count; i++) host_release(b->hosts[i], b->settings);
    memcpy(b->hosts, next, n * sizeof *next);
    b->count = n;
    return true;
}

struct host *const *balance_hosts(const struct balance *b, size_t *ret_count)
{
    *ret_count = b->count;
    return b->hosts;
}

/* --- choice ---------------------------------------------------------------------------------------------------------- */

bool host_is_usable(const struct host *h, uint64_t now_us)
{
    return h->up && now_us >= h->out_until_us;
}

static size_t candidates(const struct balance *b, uint64_t now_us, bool usable, uint32_t exclude, struct host **ret)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct host *h = b->hosts[i];
        if (h->id != exclude && (!usable || host_is_usable(h, now_us))) ret[n++] = h;
    }
    return n;
}

static bool latency_is_known(const struct balance *b, const struct host *h, uint64_t now_us)
{
    return h->heard_us && now_us - h->heard_us < (uint64_t)b->settings->stale_ms * 1000;
}

/* Next to a host whose latency nobody knows, only the requests in flight count: it gets its share and no rush. */
static struct host *better(const struct balance *b, struct host *one, struct host *two, uint64_t now_us)
{
    bool known = latency_is_known(b, one, now_us) && latency_is_known(b, two, now_us);
    uint64_t cost_one = ((known ? one->latency_us : 0) + 1) * (one->in_flight + 1);
    uint64_t cost_two = ((known ? two->latency_us : 0) + 1) * (two->in_flight + 1);
    return cost_two < cost_one ? two : one;
}

struct host *balance_choose(struct balance *b, uint64_t now_us, uint64_t random, uint32_t exclude)
{
    struct host *from[BALANCE_HOSTS_MAX];
    size_t n = candidates(b, now_us, true, exclude, from);
    if (!n && exclude) n = candidates(b, now_us, true, 0, from);
    if (!n && exclude) n = candidates(b, now_us, false, exclude, from);
    if (!n) n = candidates(b, now_us, false, 0, from);
    if (!n) return NULL;
    size_t i = (uint32_t)random % n, j = n > 1 ? (random >> 32) % (n - 1) : 0;
    if (n > 1 && j >= i) j++;
    struct host *h = better(b, from[i], from[j], now_us);
    h->in_flight++;
    h->holds++;
    return h;
}

/* --- reports --------------------------------------------------------------------------------------------------------- */

static uint64_t out_us(const struct balance_settings *s, int outs)
{
    uint64_t max = (uint64_t)s->out_max_ms * 1000, us = (uint64_t)s->out_ms * 1000;
    for (int i = 1; i < outs && us < max; i++) us *= 2;
    return us < max ? us : max;
}

static bool is_last_usable(const struct balance *b, const struct host *h, uint64_t now_us)
{
    struct host *others[BALANCE_HOSTS_MAX];
    return !candidates(b, now_us, true, h->id, others);
}

/* One failure that began since it is back puts a host out again: `failures` starts over only with a success. */
static void failed(struct balance *b, struct host *h, uint64_t now_us, uint64_t began_us)
{
    const struct balance_settings *s = b->settings;
    if (began_us < h->out_until_us) return; /* from before, or for want of a better host */
    h->failures++;
    if (!s->failures || h->failures < s->failures || is_last_usable(b, h, now_us)) return;
    if (now_us - h->out_until_us >= (uint64_t)s->out_max_ms * 1000) h->outs = 0;
    h->outs++;
    h->out_until_us = now_us + out_us(s, h->outs);
}

/* A failure is no quick answer: it counts as twice the average at least. */
static void average(struct host *h, uint64_t now_us, uint64_t took_us, bool good)
{
    if (!good && took_us < 2 * h->latency_us) took_us = 2 * h->latency_us;
    if (took_us > LATENCY_MAX_US) took_us = LATENCY_MAX_US;
    if (!h->heard_us) h->latency_us = took_us;
    else h->latency_us = (h->latency_us * (WEIGHT - 1) + took_us) / WEIGHT;
    h->heard_us = now_us ? now_us : 1;
}

void balance_report(struct balance *b, struct host *h, uint64_t now_us, enum host_outcome outcome, uint64_t took_us)
{
    h->in_flight--;
    if (outcome != HOST_UNKNOWN) average(h, now_us, took_us, outcome == HOST_GOOD);
    if (outcome == HOST_GOOD) h->failures = 0;
    if (outcome == HOST_FAILED) failed(b, h, now_us, now_us - took_us);
    host_release(h, b->settings);
}

static int checks_needed(const struct balance_settings *s, enum host_check check)
{
    return check == CHECK_GOOD ? s->rise : check == CHECK_BAD ? s->fall : 1;
}

void balance_check(struct balance *b, uint32_t id, enum host_check check)
{
    bool good = check == CHECK_GOOD;
    for (size_t i = 0; i < b->count; i++) {
        struct host *h = b->hosts[i];
        if (h->id != id) continue;
        h->checks = good == h->up ? 0 : h->checks + 1;
        if (h->checks < checks_needed(b->settings, check)) return;
        h->up = good;
        h->checks = 0;
        return;
    }
}
