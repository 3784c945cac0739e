/* budget: how many retries a service gets, so that trouble is not multiplied by those who try again.
 *
 * Every request puts `percent` hundredths of a token in, every retry takes a whole one; both are forgotten after the window.
 * `per_second` tokens a second are there without any request: a quiet service can be retried too, in bursts up to a window's
 * worth. Plain data, owned by the caller, one per worker and service; no clock and no randomness of its own. */
#ifndef GATEWAY_BUDGET_H
#define GATEWAY_BUDGET_H

#include "base/window.h"

#include <stdbool.h>

struct budget_settings {
    int window_ms;
    int percent;    /* retries of requests */
    int per_second; /* retries beside those */
};

struct budget {
    const struct budget_settings *settings;
    struct window window;
    uint64_t granted, refused; /* since budget_init(), for metrics */
};

void budget_init(struct budget *b, const struct budget_settings *settings); /* `settings` must outlive `b` */

/* Others from now on; what was counted stays, unless the window is another one. */
void budget_set(struct budget *b, const struct budget_settings *settings);

void budget_request(struct budget *b, uint64_t now_us);     /* a request is sent for the first time */
bool budget_retry(struct budget *b, uint64_t now_us);       /* takes a token; false: there is none, do not retry */
uint32_t budget_left(struct budget *b, uint64_t now_us);    /* whole tokens */

/* How long to wait before retry number `attempt` (1: the first): uniform from 0 to base_ms * 2^(attempt - 1), at most cap_ms
 * ("full jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). `random`: 64 random bits. */
int backoff_ms(int attempt, int base_ms, int cap_ms, uint64_t random);

#endif
