#include "leases.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    SETS = 4096, WAYS = 4, KEY_MAX = 96,
    LEASE_US = 1000000, LEASE_PART = 20, LEASE_MAX = 1000,
    SOON_US = 125000, /* a lease that is used up sooner doubles; what stays unused of one is lost to its sender */
    ANSWER_US = 5000, /* no answer after that: it is lost, and another may ask for as many */
    REFUSED_MIN_US = 1000,
};

struct lease {
    char key[KEY_MAX];
    size_t length;
    uint32_t ahead, size;      /* granted and not used yet; of the next lease */
    uint64_t ahead_until_us;
    bool is_asked_for;         /* the answer is on its way: whoever cannot wait asks for itself only */
    uint64_t asked_us, refused_until_us, used_us;
    uint64_t owed_us;          /* as Redis counts, when all is paid back */
    uint64_t alone_us;         /* the same for what has passed here, of this process's share */
};

static struct {
    pthread_mutex_t lock;
    struct lease (*sets)[WAYS];
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

void leases_start(void)
{
    table.sets = calloc(SETS, sizeof *table.sets);
    if (!table.sets) abort();
}

void leases_stop(void)
{
    free(table.sets);
}

static struct lease *find(struct str key, uint64_t now_us)
{
    if (key.len > KEY_MAX) key.len = KEY_MAX;
    struct lease *set = table.sets[str_hash(key) % SETS], *found = set;
    for (struct lease *l = set; l < set + WAYS; l++) {
        if (l->length == key.len && !memcmp(l->key, key.p, key.len)) {
            found = l;
            break;
        }
        if (l->used_us < found->used_us) found = l;
    }
    if (found->length != key.len || memcmp(found->key, key.p, key.len)) {
        *found = (struct lease){ .length = key.len, .size = 1 };
        memcpy(found->key, key.p, key.len);
    }
    found->used_us = now_us;
    if (found->ahead_until_us < now_us) found->ahead = 0;
    return found;
}

/* The leases of a check, under the lock. */
struct held {
    struct lease *lease[RATE_WINDOWS];
};

static struct held hold(const struct rate_check *c)
{
    struct held h;
    pthread_mutex_lock(&table.lock);
    for (size_t i = 0; i < c->count; i++) h.lease[i] = find(c->windows[i].key, c->now_us);
    return h;
}

static enum lease_verdict let_go(enum lease_verdict verdict)
{
    pthread_mutex_unlock(&table.lock);
    return verdict;
}

static uint64_t until(uint64_t then_us, uint64_t now_us)
{
    return then_us > now_us ? then_us - now_us : 0;
}

static void tell(struct rate_check *c, const struct held *h)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct lease *l = h->lease[i];
        struct rate rate = c->windows[i].rate;
        c->standing[i] = (struct rate_standing){
            .remaining = gcra_room(rate, l->owed_us, c->now_us) + l->ahead,
            .reset_us = until(l->owed_us, c->now_us + l->ahead * rate.interval_us),
            .wait_us = l->ahead ? 0 : until(l->refused_until_us, c->now_us),
        };
    }
}

static bool is_ahead(const struct rate_check *c, const struct held *h)
{
    for (size_t i = 0; i < c->count; i++)
        if (!h->lease[i]->ahead) return false;
    return true;
}

static void count_alone(const struct rate_check *c, const struct held *h)
{
    for (size_t i = 0; i < c->count; i++)
        gcra_take(rate_share(c->windows[i].rate, c->replicas), &h->lease[i]->alone_us, c->now_us, 1);
}

static uint32_t next_size(struct lease *l, struct rate rate, uint64_t now_us)
{
    uint64_t since = now_us - l->asked_us;
    uint32_t part = rate.capacity / LEASE_PART, most = part > LEASE_MAX ? LEASE_MAX : part > 1 ? part : 1;
    uint32_t size = since > LEASE_US ? 1 : since > SOON_US ? l->size : l->size * 2;
    l->size = size > most ? most : size;
    l->asked_us = now_us;
    l->is_asked_for = true;
    return l->size;
}

static bool is_asked_for(const struct lease *l, uint64_t now_us)
{
    return l->is_asked_for && now_us - l->asked_us < ANSWER_US;
}

static void want_one_now(struct rate_check *c, const struct held *h)
{
    for (size_t i = 0; i < c->count; i++) {
        struct lease *l = h->lease[i];
        c->want[i] = l->ahead || is_asked_for(l, c->now_us) ? 1 : next_size(l, c->windows[i].rate, c->now_us);
    }
}

static void want_more(struct rate_check *c, const struct held *h)
{
    for (size_t i = 0; i < c->count; i++) {
        struct lease *l = h->lease[i];
        bool is_low = l->size > 1 && l->ahead <= l->size / 2 && !is_asked_for(l, c->now_us);
        c->want[i] = is_low ? next_size(l, c->windows[i].rate, c->now_us) : 0;
    }
}

bool leases_run_low(const struct rate_check *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->want[i]) return true;
    return false;
}

/* One of each of what was granted ahead. */
static enum lease_verdict use(struct rate_check *c, const struct held *h)
{
    for (size_t i = 0; i < c->count; i++) h->lease[i]->ahead--;
    count_alone(c, h);
    tell(c, h);
    return LEASE_PASSES;
}

enum lease_verdict leases_take(struct rate_check *c)
{
    struct held h = hold(c);
    if (is_ahead(c, &h)) {
        enum lease_verdict passes = use(c, &h);
        want_more(c, &h);
        return let_go(passes);
    }
    bool is_refused = false;
    for (size_t i = 0; i < c->count; i++) is_refused |= !h.lease[i]->ahead && h.lease[i]->refused_until_us > c->now_us;
    if (is_refused) tell(c, &h);
    else want_one_now(c, &h);
    return let_go(is_refused ? LEASE_REFUSED : LEASE_ASK);
}

static void fill(const struct rate_check *c, const struct held *h, const struct rate_grant *grants)
{
    for (size_t i = 0; i < c->count; i++) {
        struct lease *l = h->lease[i];
        l->is_asked_for = false;
        l->owed_us = c->now_us + grants[i].owed_us;
        uint64_t wait = gcra_wait_us(c->windows[i].rate, l->owed_us, c->now_us);
        if (grants[i].granted) l->ahead_until_us = c->now_us + LEASE_US;
        else if (wait) l->refused_until_us = c->now_us + (wait > REFUSED_MIN_US ? wait : REFUSED_MIN_US);
        l->ahead += grants[i].granted;
    }
}

void leases_filled(const struct rate_check *c, const struct rate_grant *grants)
{
    struct held h = hold(c);
    fill(c, &h, grants);
    let_go(LEASE_PASSES);
}

/* Refused, it may still have what another request was granted meanwhile. */
enum lease_verdict leases_granted(struct rate_check *c, const struct rate_grant *grants)
{
    struct held h = hold(c);
    fill(c, &h, grants);
    if (is_ahead(c, &h)) return let_go(use(c, &h));
    tell(c, &h);
    return let_go(LEASE_REFUSED);
}

enum lease_verdict leases_alone(struct rate_check *c)
{
    struct held h = hold(c);
    bool passes = true;
    for (size_t i = 0; i < c->count; i++)
        passes &= gcra_room(rate_share(c->windows[i].rate, c->replicas), h.lease[i]->alone_us, c->now_us) > 0;
    if (passes) count_alone(c, &h);
    for (size_t i = 0; i < c->count; i++) {
        struct rate share = rate_share(c->windows[i].rate, c->replicas);
        uint64_t alone = h.lease[i]->alone_us;
        c->standing[i] = (struct rate_standing){ gcra_room(share, alone, c->now_us), until(alone, c->now_us),
                                                 passes ? 0 : gcra_wait_us(share, alone, c->now_us) };
    }
    return let_go(passes ? LEASE_PASSES : LEASE_REFUSED);
}
