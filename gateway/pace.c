#include "pace.h"

#include "base/uuid.h"

#include <event2/event.h>
#include <stdlib.h>

static void wait(const struct pace *p)
{
    uint32_t random;
    random_bytes(&random, sizeof random);
    int ms = p->every_ms - p->every_ms / 4 + (int)(random % ((uint32_t)p->every_ms / 2 + 1));
    struct timeval time = { ms / 1000, ms % 1000 * 1000 };
    evtimer_add(p->timer, &time);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct pace *p = arg;
    (void)fd, (void)what;
    wait(p);
    p->call(p->arg);
}

void pace_start(struct pace *p, struct event_base *base, int every_ms, pace_fn call, void *arg)
{
    *p = (struct pace){ .timer = evtimer_new(base, on_timer, p), .every_ms = every_ms, .call = call, .arg = arg };
    if (!p->timer) abort();
    wait(p);
}

void pace_stop(struct pace *p)
{
    if (p->timer) event_free(p->timer);
    p->timer = NULL;
}
