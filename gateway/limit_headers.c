#include "limit_headers.h"

#include "http/req.h"

enum {
    AROUND_LEN = sizeof ", \"\";q=;w=", /* name and numbers */
    LIST_MAX = RATE_WINDOWS * (AROUND_LEN + RATE_NAME_MAX + 2 * STR_UINT_MAX),
};

static unsigned seconds(uint64_t us)
{
    return (unsigned)((us + 999999) / 1000000);
}

static size_t tightest(const struct rate_check *c)
{
    size_t best = 0;
    for (size_t i = 1; i < c->count; i++) {
        const struct rate_standing *a = &c->standing[i], *b = &c->standing[best];
        if (a->wait_us > b->wait_us || (a->wait_us == b->wait_us && a->remaining < b->remaining)) best = i;
    }
    return best;
}

int limit_retry_after_s(const struct rate_check *c)
{
    unsigned wait = seconds(c->standing[tightest(c)].wait_us);
    return wait ? (int)wait : 1;
}

/* One member of a list (RFC 9651, section 3.1): "name";first=1;second=2 */
static char *put_member(char *to, struct str name, struct str first, uint64_t a, struct str second, uint64_t b)
{
    to = str_put(to, STR("\""));
    to = str_put(to, name);
    to = str_put(to, first);
    to = str_put_uint(to, a);
    to = str_put(to, second);
    return str_put_uint(to, b);
}

static struct str policy(const struct rate_check *c, char *text)
{
    char *to = text;
    for (size_t i = 0; i < c->count; i++) {
        const struct rate_window *w = &c->windows[i];
        if (i) to = str_put(to, STR(", "));
        to = put_member(to, w->name, STR("\";q="), w->rate.capacity, STR(";w="), seconds(rate_period_us(w->rate)));
    }
    return (struct str){ text, (size_t)(to - text) };
}

static struct str standing(const struct rate_check *c, char *text)
{
    char *to = text;
    for (size_t i = 0; i < c->count; i++) {
        const struct rate_standing *now = &c->standing[i];
        if (i) to = str_put(to, STR(", "));
        to = put_member(to, c->windows[i].name, STR("\";r="), now->remaining, STR(";t="),
                        seconds(now->wait_us ? now->wait_us : now->reset_us));
    }
    return (struct str){ text, (size_t)(to - text) };
}

static struct str number(uint64_t n, char *text)
{
    return (struct str){ text, (size_t)(str_put_uint(text, n) - text) };
}

void limit_headers(struct req *r, const struct rate_check *c)
{
    struct texts {
        char policy[LIST_MAX], standing[LIST_MAX], limit[STR_UINT_MAX], remaining[STR_UINT_MAX], reset[STR_UINT_MAX];
    } *t = arena_new(&r->arena, struct texts);
    size_t i = tightest(c);
    req_reply_header(r, STR("RateLimit-Policy"), policy(c, t->policy));
    req_reply_header(r, STR("RateLimit"), standing(c, t->standing));
    req_reply_header(r, STR("X-RateLimit-Limit"), number(c->windows[i].rate.capacity, t->limit));
    req_reply_header(r, STR("X-RateLimit-Remaining"), number(c->standing[i].remaining, t->remaining));
    req_reply_header(r, STR("X-RateLimit-Reset"), number(seconds(c->standing[i].reset_us), t->reset));
}
