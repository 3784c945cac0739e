/* Requests that wait until there is room for them. Over TLS a refusal costs nearly what an answer does: a server that refuses all that it
 * can't serve at once is busy with that alone. So they wait in turn, and are refused only when that takes too long. */
#include "base/clock.h"
#include "http/server_conn.h"

#include <event2/event.h>

static bool has_room(const struct server *s)
{
    return s->in_flight - s->waiting_count < s->config.limits.requests_max;
}

static uint64_t wait_us(const struct server *s)
{
    return (uint64_t)s->config.limits.queue_ms * 1000;
}

static struct req *take_first(struct server *s)
{
    struct req *r = TAILQ_FIRST(&s->waiting);
    TAILQ_REMOVE(&s->waiting, r, waiting);
    s->waiting_count--;
    return r;
}

static void refuse_first(struct server *s)
{
    struct req *r = take_first(s);
    req_refuse(s, r, REFUSAL_REQUESTS, E_OVERLOADED, "too many requests under way");
    req_begin(r, s->config.on_refused);
}

static void look_again(struct server *s, uint64_t us)
{
    struct timeval tv = { (time_t)(us / 1000000), (suseconds_t)(us % 1000000) };
    evtimer_add(&s->queue, &tv);
}

static void on_queue(evutil_socket_t fd, short what, void *arg)
{
    struct server *s = arg;
    uint64_t now = clock_us();
    (void)fd, (void)what;
    for (struct req *r; (r = TAILQ_FIRST(&s->waiting));) {
        uint64_t until = r->start_us + wait_us(s);
        if (now >= until || !r->conn) refuse_first(s);
        else if (has_room(s)) req_begin(take_first(s), s->config.on_request);
        else return look_again(s, until - now);
    }
}

void queue_init(struct server *s)
{
    TAILQ_INIT(&s->waiting);
    evtimer_assign(&s->queue, s->base, on_queue, s);
}

void queue_free(struct server *s)
{
    while (!TAILQ_EMPTY(&s->waiting)) refuse_first(s);
    evtimer_del(&s->queue);
}

bool queue_add(struct server *s, struct req *r)
{
    if (!s->config.limits.queue_ms) return false;
    TAILQ_INSERT_TAIL(&s->waiting, r, waiting);
    if (++s->waiting_count == 1) queue_look(s);
    return true;
}

/* From the loop: whoever has made room is not done yet. */
void queue_look(struct server *s)
{
    if (!TAILQ_EMPTY(&s->waiting)) event_active(&s->queue, EV_TIMEOUT, 1);
}
