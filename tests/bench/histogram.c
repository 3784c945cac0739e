#include "histogram.h"

/* Values below HISTOGRAM_STEPS have a bucket each; from there on every doubling has HISTOGRAM_STEPS. */
static int bucket_of(uint64_t us)
{
    if (us < HISTOGRAM_STEPS) return (int)us;
    int doublings = 63 - __builtin_clzll(us / HISTOGRAM_STEPS);
    int bucket = HISTOGRAM_STEPS * doublings + (int)(us >> doublings);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The middle of a bucket. */
static uint64_t value_of(int bucket)
{
    if (bucket < HISTOGRAM_STEPS) return (uint64_t)bucket;
    int doublings = bucket / HISTOGRAM_STEPS - 1;
    uint64_t least = (uint64_t)(bucket - HISTOGRAM_STEPS * doublings) << doublings;
    return least + ((1ULL << doublings) - 1) / 2;
}

void histogram_add(struct histogram *h, uint64_t us)
{
    h->counts[bucket_of(us)]++;
    h->count++;
    h->sum += us;
    if (us > h->max) h->max = us;
}

void histogram_merge(struct histogram *h, const struct histogram *more)
{
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) h->counts[i] += more->counts[i];
    h->count += more->count;
    h->sum += more->sum;
    if (more->max > h->max) h->max = more->max;
}

uint64_t histogram_at(const struct histogram *h, double share)
{
    uint64_t wanted = (uint64_t)((double)h->count * share), seen = 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen > wanted) return value_of(i) < h->max ? value_of(i) : h->max;
    }
    return h->max;
}
