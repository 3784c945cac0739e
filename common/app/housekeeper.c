#include "app/housekeeper.h"

#include "http/worker.h"
#include "io/pg.h"
#include "rest/statements.h"

#include <event2/event.h>
#include <stdlib.h>

enum { TICK_S = 2, HOUSEKEEPING_TICKS = 30 };

struct housekeeper {
    struct worker *worker;
    struct event *timer;
    struct pg_segment segment;
    unsigned ticks;
    bool busy;
};

static void on_done(struct pg_segment *s, void *arg)
{
    struct housekeeper *h = arg;
    pg_segment_done(s);
    h->busy = false;
}

static void on_timer(int fd, short what, void *arg)
{
    struct housekeeper *h = arg;
    (void)fd, (void)what;
    if (h->busy) return;
    h->busy = true;
    pg_segment_init(&h->segment, PG_SLOW, on_done, h);
    pg_add(&h->segment, &stmt_index_texts, NULL, 0);
    if (++h->ticks % HOUSEKEEPING_TICKS == 0) pg_add(&h->segment, &stmt_housekeeping, NULL, 0);
    pg_submit(h->worker->pg, &h->segment);
}

struct housekeeper *housekeeper_new(struct worker *w)
{
    static const struct timeval every = { TICK_S, 0 };
    struct housekeeper *h = calloc(1, sizeof *h);
    if (!h) abort();
    h->worker = w;
    h->timer = event_new(w->base, -1, EV_PERSIST, on_timer, h);
    if (w->index == 0) event_add(h->timer, &every);
    return h;
}

void housekeeper_free(struct housekeeper *h)
{
    event_free(h->timer);
    free(h);
}
