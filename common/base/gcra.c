#include "base/gcra.h"

static const struct {
    const char *name;
    uint64_t us;
} periods[] = { { "s", 1000000 }, { "min", 60000000 }, { "h", 3600000000 } };

bool rate_read(struct str text, struct rate *ret)
{
    struct str period = str_trim(text), count = str_cut(&period, '/');
    int64_t capacity;
    *ret = (struct rate){ 0, 1 };
    if (str_is_none(period) && (!count.len || str_is(count, "none"))) return true;
    if (!str_to_i64(count, 1, RATE_CAPACITY_MAX, &capacity)) return false;
    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++) {
        if (!str_is(period, periods[i].name)) continue;
        *ret = (struct rate){ (uint32_t)capacity, periods[i].us / (uint64_t)capacity };
        return true;
    }
    return false;
}

struct rate rate_share(struct rate whole, uint32_t parts)
{
    uint32_t capacity = whole.capacity / parts;
    return (struct rate){ whole.capacity && !capacity ? 1 : capacity, whole.interval_us * parts };
}

uint64_t rate_period_us(struct rate r)
{
    return r.capacity * r.interval_us;
}

uint32_t gcra_room(struct rate r, uint64_t paid_us, uint64_t now_us)
{
    uint64_t owed = paid_us > now_us ? paid_us - now_us : 0, period = rate_period_us(r);
    return owed >= period ? 0 : (uint32_t)((period - owed) / r.interval_us);
}

void gcra_take(struct rate r, uint64_t *paid_us, uint64_t now_us, uint32_t count)
{
    uint64_t paid = (*paid_us > now_us ? *paid_us : now_us) + count * r.interval_us, latest = now_us + rate_period_us(r);
    *paid_us = paid < latest ? paid : latest;
}

uint64_t gcra_wait_us(struct rate r, uint64_t paid_us, uint64_t now_us)
{
    uint64_t from = paid_us + r.interval_us, period = rate_period_us(r);
    return from > now_us + period ? from - now_us - period : 0;
}
