/* histogram: latencies in microseconds with one per cent of error, in fixed memory. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 64, HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * 40 }; /* steps for each doubling */

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count, sum, max;
};

void histogram_add(struct histogram *h, uint64_t us);
uint64_t histogram_at(const struct histogram *h, double share); /* share 0.99: the 99th percentile; 0 when empty */

#endif
