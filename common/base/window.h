/* window: counts of the last few seconds, as parts that are forgotten one by one.
 *
 * A sliding window of WINDOW_PARTS parts; the oldest part goes when a new one begins, so a sum covers between nine
 * tenths and all of the width. Plain data: it is copied and dropped as it is. Time is the caller's and never goes back. */
#ifndef BASE_WINDOW_H
#define BASE_WINDOW_H

#include <stdint.h>

enum { WINDOW_PARTS = 10, WINDOW_KINDS = 3 };

struct window {
    uint64_t part_us;                           /* width of a part */
    uint64_t newest;                            /* number of the newest part since time 0 */
    uint32_t part[WINDOW_PARTS][WINDOW_KINDS];  /* part number n is at n % WINDOW_PARTS */
    uint32_t sum[WINDOW_KINDS];
};

void window_init(struct window *w, int width_ms); /* at least WINDOW_PARTS */
void window_clear(struct window *w);

void window_add(struct window *w, uint64_t now_us, int kind);      /* kind: 0 to WINDOW_KINDS - 1, the caller's */
void window_add_n(struct window *w, uint64_t now_us, int kind, uint32_t n);
uint32_t window_sum(struct window *w, uint64_t now_us, int kind);

#endif
