#include "budget.h"

enum kind { REQUESTS, RETRIES }; /* what the window counts */

void budget_init(struct budget *b, const struct budget_settings *settings)
{
    *b = (struct budget){ .settings = settings };
    window_init(&b->window, settings->window_ms);
}

void budget_set(struct budget *b, const struct budget_settings *settings)
{
    if (b->settings->window_ms != settings->window_ms) window_init(&b->window, settings->window_ms);
    b->settings = settings;
}

void budget_request(struct budget *b, uint64_t now_us)
{
    window_add(&b->window, now_us, REQUESTS);
}

uint32_t budget_left(struct budget *b, uint64_t now_us)
{
    const struct budget_settings *s = b->settings;
    uint64_t earned = (uint64_t)window_sum(&b->window, now_us, REQUESTS) * (unsigned)s->percent / 100;
    uint64_t given = (uint64_t)s->per_second * (unsigned)s->window_ms / 1000;
    uint64_t spent = window_sum(&b->window, now_us, RETRIES);
    return spent < earned + given ? (uint32_t)(earned + given - spent) : 0;
}

bool budget_retry(struct budget *b, uint64_t now_us)
{
    bool allowed = budget_left(b, now_us) > 0;
    if (allowed) window_add(&b->window, now_us, RETRIES);
    *(allowed ? &b->granted : &b->refused) += 1;
    return allowed;
}

int backoff_ms(int attempt, int base_ms, int cap_ms, uint64_t random)
{
    int64_t ceiling = base_ms;
    for (int i = 1; i < attempt && ceiling > 0 && ceiling < cap_ms; i++) ceiling *= 2;
    if (ceiling > cap_ms) ceiling = cap_ms;
    return ceiling > 0 ? (int)(random % (uint64_t)(ceiling + 1)) : 0;
}
