#include "app/announcer.h"

#include "io/redis.h"

#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 1000, CHANNEL_MAX = 64 };

struct announcer {
    struct redis *redis;
    char channel[CHANNEL_MAX];
};

struct announcer *announcer_new(struct event_base *base, const char *redis_url, const char *channel)
{
    struct redis *redis = redis_new(base, redis_url);
    if (!redis) return NULL;
    struct announcer *a = calloc(1, sizeof *a);
    if (!a) abort();
    a->redis = redis;
    snprintf(a->channel, sizeof a->channel, "crm:%s", channel);
    return a;
}

void announcer_free(struct announcer *a)
{
    if (!a) return;
    redis_free(a->redis);
    free(a);
}

static void on_published(void *arg, const struct redis_value *v)
{
    (void)arg, (void)v;
}

void announcer_tell(struct announcer *a)
{
    if (a) redis_command(a->redis, TIMEOUT_MS, on_published, NULL, 3, (const char *[]){ "PUBLISH", a->channel, "" }, NULL);
}
