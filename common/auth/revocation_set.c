#include "auth/revocation_set.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 64 };

void revocation_set_done(struct revocation_set *s)
{
    free(s->slots);
    *s = (struct revocation_set){ 0 };
}

/* By all of the id: one that somebody counted up, as imports do, is random in no part. */
static struct revocation *slot_of(const struct revocation_set *s, const unsigned char id[UUID_BYTES])
{
    for (uint64_t i = str_hash((struct str){ (const char *)id, UUID_BYTES });; i++) {
        struct revocation *slot = &s->slots[i & (s->capacity - 1)];
        if (!slot->until_s || !memcmp(slot->id, id, UUID_BYTES)) return slot;
    }
}

static size_t live_count(const struct revocation_set *s, int64_t now_s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->capacity; i++) n += s->slots[i].until_s > now_s;
    return n;
}

/* A table in which what still counts, and one more, fill at most a quarter. */
static void make_anew(struct revocation_set *s, int64_t now_s)
{
    struct revocation_set old = *s;
    size_t live = live_count(s, now_s);
    s->capacity = CAPACITY_MIN;
    while (s->capacity < (live + 1) * 4) s->capacity *= 2;
    s->slots = calloc(s->capacity, sizeof *s->slots);
    if (!s->slots) abort();
    s->used = live;
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].until_s > now_s) *slot_of(s, old.slots[i].id) = old.slots[i];
    free(old.slots);
}

void revocation_set_sweep(struct revocation_set *s, int64_t now_s)
{
    if (live_count(s, now_s) < s->used) make_anew(s, now_s);
}

void revocation_set_add(struct revocation_set *s, const struct revocation *r, int64_t now_s)
{
    if (r->until_s <= now_s) return;
    if (s->used * 2 >= s->capacity) make_anew(s, now_s);
    struct revocation *slot = slot_of(s, r->id);
    if (!slot->until_s) {
        *slot = *r;
        s->used++;
        return;
    }
    if (r->generation > slot->generation) slot->generation = r->generation;
    if (r->until_s > slot->until_s) slot->until_s = r->until_s;
}

bool revocation_set_has(const struct revocation_set *s, struct str id, int64_t generation)
{
    unsigned char bytes[UUID_BYTES];
    if (!s->used || !uuid_bytes(id, bytes)) return false;
    const struct revocation *slot = slot_of(s, bytes);
    return slot->until_s && generation < slot->generation;
}
