#include "stale.h"

#include <stdlib.h>
#include <sys/queue.h>

enum { BUCKETS = 256 };

struct kept {
    LIST_ENTRY(kept) same_bucket;
    TAILQ_ENTRY(kept) by_use; /* the last used first */
    struct stale_answer answer;
    struct str target;
    char bytes[]; /* target, type, body */
};

struct stale {
    LIST_HEAD(, kept) buckets[BUCKETS];
    TAILQ_HEAD(by_use, kept) by_use;
    size_t count;
};

struct stale *stale_new(void)
{
    struct stale *s = calloc(1, sizeof *s);
    if (!s) abort();
    TAILQ_INIT(&s->by_use);
    return s;
}

static void forget(struct stale *s, struct kept *k)
{
    LIST_REMOVE(k, same_bucket);
    TAILQ_REMOVE(&s->by_use, k, by_use);
    s->count--;
    free(k);
}

void stale_free(struct stale *s)
{
    if (!s) return;
    for (struct kept *k; (k = TAILQ_FIRST(&s->by_use));) forget(s, k);
    free(s);
}

static struct kept *find(struct stale *s, struct str target)
{
    struct kept *k;
    LIST_FOREACH(k, &s->buckets[str_hash(target) % BUCKETS], same_bucket)
        if (str_eq(k->target, target)) return k;
    return NULL;
}

static struct str put(char **at, struct str s)
{
    struct str copy = { *at, s.len };
    if (s.len) memcpy(*at, s.p, s.len);
    *at += s.len;
    return copy;
}

void stale_keep(struct stale *s, struct str target, struct str type, struct str body, uint64_t now_us)
{
    struct kept *old = find(s, target);
    if (old) forget(s, old);
    if (body.len > STALE_BODY_MAX) return;
    if (s->count == STALE_ANSWERS) forget(s, TAILQ_LAST(&s->by_use, by_use));
    struct kept *k = malloc(sizeof *k + target.len + type.len + body.len);
    if (!k) abort();
    char *at = k->bytes;
    k->target = put(&at, target);
    k->answer = (struct stale_answer){ .type = put(&at, type), .body = put(&at, body), .since_us = now_us };
    LIST_INSERT_HEAD(&s->buckets[str_hash(target) % BUCKETS], k, same_bucket);
    TAILQ_INSERT_HEAD(&s->by_use, k, by_use);
    s->count++;
}

bool stale_find(struct stale *s, struct str target, uint64_t now_us, int max_age_ms, struct stale_answer *ret)
{
    struct kept *k = find(s, target);
    if (!k) return false;
    if (now_us - k->answer.since_us > (uint64_t)max_age_ms * 1000) return forget(s, k), false;
    TAILQ_REMOVE(&s->by_use, k, by_use);
    TAILQ_INSERT_HEAD(&s->by_use, k, by_use);
    *ret = k->answer;
    return true;
}
