/* histogram: latencies in microseconds in fixed memory; what it says is off by half a per cent at most, sum and max are exact. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 128, HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * 32 }; /* steps for each doubling */

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count, sum, max;
};

void histogram_add(struct histogram *h, uint64_t us);
void histogram_merge(struct histogram *h, const struct histogram *more);
uint64_t histogram_at(const struct histogram *h, double share); /* share 0.99: the 99th percentile; 0 when empty */

#endif
