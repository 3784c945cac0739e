#include "http/census.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    BUCKETS = 4096,
    TOLD_PARTS = 16,  /* this part of the total over it, */
    TOLD_ADDRESS = 8, /* and so many over the limit of an address, are told why */
};

struct guest {
    struct guest *next;
    struct ip group; /* an address, or a /64 */
    int count;
};

struct census {
    pthread_mutex_t lock;
    int max, address_max, total;
    struct guest *buckets[BUCKETS];
};

struct census *census_new(int max, int address_max)
{
    struct census *c = calloc(1, sizeof *c);
    if (!c) abort();
    pthread_mutex_init(&c->lock, NULL);
    census_set(c, max, address_max);
    return c;
}

void census_free(struct census *c)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct guest *g; (g = c->buckets[i]);) {
            c->buckets[i] = g->next;
            free(g);
        }
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void census_set(struct census *c, int max, int address_max)
{
    pthread_mutex_lock(&c->lock);
    c->max = max;
    c->address_max = address_max;
    pthread_mutex_unlock(&c->lock);
}

static struct ip group_of(const struct ip *from)
{
    struct ip group = *from;
    if (group.width == IP_V6_BITS) group.low = 0;
    return group;
}

/* Where the group is, or would be. */
static struct guest **find(struct census *c, const struct ip *group)
{
    uint64_t hash = str_hash((struct str){ (const char *)&group->high, sizeof group->high });
    struct guest **at = &c->buckets[hash % BUCKETS];
    while (*at && !ip_eq(&(*at)->group, group)) at = &(*at)->next;
    return at;
}

static enum census_answer over(int count, int max, int told, enum census_answer full)
{
    if (!max || count < max) return CENSUS_ADMIT;
    return count < max + told ? full : CENSUS_DROP;
}

static void guest_add(struct guest **at, const struct ip *group)
{
    if (!*at) {
        *at = calloc(1, sizeof **at);
        if (!*at) abort();
        (*at)->group = *group;
    }
    (*at)->count++;
}

static void guest_remove(struct guest **at)
{
    struct guest *g = *at;
    if (--g->count) return;
    *at = g->next;
    free(g);
}

static enum census_answer admit(const struct census *c, const struct guest *g)
{
    enum census_answer total = over(c->total, c->max, c->max / TOLD_PARTS + 1, CENSUS_FULL);
    enum census_answer own = g ? over(g->count, c->address_max, TOLD_ADDRESS, CENSUS_ADDRESS_FULL) : CENSUS_ADMIT;
    return total == CENSUS_DROP || own == CENSUS_ADMIT ? total : own;
}

enum census_answer census_enter(struct census *c, const struct ip *from)
{
    struct ip group = from ? group_of(from) : (struct ip){ 0 };
    pthread_mutex_lock(&c->lock);
    struct guest **at = from ? find(c, &group) : NULL;
    enum census_answer answer = admit(c, at ? *at : NULL);
    if (answer != CENSUS_DROP) {
        c->total++;
        if (at) guest_add(at, &group);
    }
    pthread_mutex_unlock(&c->lock);
    return answer;
}

void census_leave(struct census *c, const struct ip *from)
{
    struct ip group = from ? group_of(from) : (struct ip){ 0 };
    pthread_mutex_lock(&c->lock);
    c->total--;
    if (from) guest_remove(find(c, &group));
    pthread_mutex_unlock(&c->lock);
}
