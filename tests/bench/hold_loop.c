#include "hold.h"

#include "base/clock.h"
#include "channel.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 64, RETRY_US = 100 * 1000, PAUSE_US = 10 * 1000, SIP = 128, SIP_BUFFER = 4096 };

static struct {
    const struct hold_options *options;
    const struct origin *origin;
    struct hold_results *results;
    int epoll;
    struct channel *channels, **down;
    int down_count, coming, opening, open; /* opening: have had no chance yet */
    uint64_t launch_us, begin_us, end_us, drips; /* begin_us 0: not all have had their chance */
} loop;

static volatile sig_atomic_t is_stopped;

static void on_signal(int number)
{
    (void)number;
    is_stopped = 1;
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void chance_taken(struct channel *c)
{
    if (!c->was_opened) loop.opening--;
    c->was_opened = true;
}

static void channel_lost(struct channel *c, uint64_t retry_us)
{
    chance_taken(c);
    if (channel_is_coming(c)) loop.coming--;
    else loop.open--;
    channel_close(c);
    c->retry_us = retry_us;
    loop.down[loop.down_count++] = c;
}

static void channel_unopened(struct channel *c, uint64_t now_us)
{
    loop.results->unopened++;
    channel_lost(c, now_us + RETRY_US);
}

static void channel_ended(struct channel *c, uint64_t now_us)
{
    loop.results->closed++;
    channel_lost(c, now_us);
}

static void request_begin(struct channel *c, uint64_t now_us)
{
    if (!channel_send(c, loop.options->request, false)) channel_ended(c, now_us);
}

static void channel_opened(struct channel *c, uint64_t now_us)
{
    chance_taken(c);
    loop.coming--;
    loop.open++;
    loop.results->opened++;
    request_begin(c, now_us);
}

/* Who waits does so from now on; who was slow begins anew. */
static void channel_replied(struct channel *c, uint64_t now_us)
{
    loop.results->statuses[c->response.status]++;
    if (c->response.closes) channel_ended(c, now_us);
    else if (loop.options->manner->drip == DRIP_READ) request_begin(c, now_us);
    else if (loop.options->manner->drip == DRIP_WRITE) channel_ended(c, now_us);
}

static void channel_happened(struct channel *c, enum channel_event e)
{
    uint64_t now = clock_us();
    switch (e) {
    case CHANNEL_WAIT: break;
    case CHANNEL_OPENED: channel_opened(c, now); break;
    case CHANNEL_REPLIED: channel_replied(c, now); break;
    case CHANNEL_UNOPENED: channel_unopened(c, now); break;
    case CHANNEL_DROPPED:
    case CHANNEL_BROKEN:
    case CHANNEL_GARBLED: channel_ended(c, now); break;
    }
}

/* A reply that is sipped is not read when it comes. */
static void channel_woken(struct channel *c, uint32_t events)
{
    bool is_sipped = loop.options->manner->drip == DRIP_READ && c->state == CHANNEL_BUSY;
    if (is_sipped && !(events & (EPOLLHUP | EPOLLERR))) return;
    channel_happened(c, channel_handle(c, events));
}

static void down_open(uint64_t now_us)
{
    for (int i = loop.down_count - 1; i >= 0 && loop.coming < HOLD_COMING; i--) {
        struct channel *c = loop.down[i];
        if (c->retry_us > now_us) continue;
        loop.down[i] = loop.down[--loop.down_count];
        loop.coming++;
        if (!channel_open(c, loop.origin, loop.epoll)) channel_unopened(c, now_us);
    }
}

/* --- drips -------------------------------------------------------------------------------------------------------- */

static void drip(struct channel *c, uint64_t now_us)
{
    if (c->state != CHANNEL_BUSY) return;
    if (loop.options->manner->drip == DRIP_READ) channel_happened(c, channel_sip(c, SIP));
    else if (!channel_send_more(c, STR("a"))) channel_ended(c, now_us);
}

/* Each connection in turn, evenly over the time between two drips; returns microseconds until the next one. */
static uint64_t drips(uint64_t now_us)
{
    const struct hold_options *o = loop.options;
    if (!loop.begin_us || o->manner->drip == DRIP_NOTHING) return PAUSE_US;
    double each_us = o->drip_seconds * 1e6 / o->connections;
    for (;;) {
        uint64_t at = loop.begin_us + (uint64_t)((double)loop.drips * each_us);
        if (at > now_us) return at - now_us;
        drip(&loop.channels[loop.drips++ % (uint64_t)o->connections], now_us);
    }
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void begin_when_held(uint64_t now_us, void (*on_held)(int open))
{
    if (loop.begin_us || (loop.opening && now_us - loop.launch_us < HOLD_OPENING_S * 1000000)) return;
    loop.begin_us = now_us;
    loop.end_us = now_us + (uint64_t)(loop.options->seconds * 1e6);
    loop.results->held = loop.open;
    on_held(loop.open);
}

static void wait_and_handle(uint64_t wait_us)
{
    struct epoll_event events[EVENTS];
    struct timespec timeout = { 0, (long)wait_us * 1000 };
    int n = epoll_pwait2(loop.epoll, events, EVENTS, &timeout, NULL);
    for (int i = 0; i < n; i++) channel_woken(events[i].data.ptr, events[i].events);
}

static void loop_run(void (*on_held)(int open))
{
    uint64_t now = loop.launch_us = clock_us();
    for (; !is_stopped && (!loop.begin_us || now < loop.end_us); now = clock_us()) {
        begin_when_held(now, on_held);
        uint64_t wait = drips(now);
        down_open(now);
        wait_and_handle(wait < PAUSE_US ? wait : PAUSE_US);
    }
    loop.results->open = loop.open;
}

void hold_run(const struct hold_options *o, const struct origin *origin, void (*on_held)(int open), struct hold_results *ret)
{
    size_t n = (size_t)o->connections;
    loop.options = o;
    loop.origin = origin;
    loop.results = ret;
    loop.epoll = epoll_create1(EPOLL_CLOEXEC);
    loop.channels = calloc(n, sizeof *loop.channels);
    loop.down = calloc(n, sizeof *loop.down);
    loop.opening = o->connections;
    if (loop.epoll < 0 || !loop.channels || !loop.down) abort();
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    for (int i = 0; i < o->connections; i++) {
        channel_init(&loop.channels[i], i % o->addresses);
        if (o->manner->drip == DRIP_READ) loop.channels[i].receive_buffer = SIP_BUFFER;
        loop.down[loop.down_count++] = &loop.channels[i];
    }
    loop_run(on_held);
    for (int i = 0; i < o->connections; i++) channel_done(&loop.channels[i]);
    free(loop.channels);
    free(loop.down);
    close(loop.epoll);
}
