#include "drive.h"

#include "base/clock.h"
#include "channel.h"

#include <math.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum { QUEUE = 1 << 20, EVENTS = 32, RETRY_US = 100 * 1000, PAUSE_US = 10 * 1000, CROWDED_US = 1000 };

struct arrival {
    uint64_t at_us;
    int class;
};

static struct {
    const struct drive_options *options;
    const struct origin *origin;
    struct mix *mix;
    struct drive_results *results;
    int epoll;
    struct channel *channels, **pool, **down; /* idle ones; those to be opened again */
    int pool_count, down_count, opening, coming, under_way; /* opening: for the first time */
    struct arrival *queue; /* open loop: requests that wait for a connection, a ring */
    uint64_t queue_first, queue_end;
    uint64_t launch_us, begin_us, count_us, end_us, deadline_us; /* begin_us 0: connections are still being opened */
    double next_us; /* open loop: the next arrival, after begin_us */
} loop;

/* --- accounts ----------------------------------------------------------------------------------------------------- */

static bool is_counted(uint64_t begun_us)
{
    return begun_us >= loop.count_us;
}

static bool is_late(uint64_t begun_us, uint64_t now_us)
{
    return loop.options->late_ms && now_us - begun_us > (uint64_t)loop.options->late_ms * 1000;
}

static void count_failure(uint64_t begun_us, int class, enum drive_error why)
{
    if (!is_counted(begun_us)) return;
    loop.results->classes[class].failures++;
    loop.results->errors[why]++;
}

static void count_answer(const struct channel *c, uint64_t now_us)
{
    int status = c->response.status;
    bool is_2xx = status >= 200 && status < 300, is_good = is_2xx && !is_late(c->begun_us, now_us);
    if (now_us >= loop.count_us && now_us < loop.end_us) {
        loop.results->in_time++;
        loop.results->in_time_good += is_good;
    }
    if (!is_counted(c->begun_us)) return;
    if (is_good) {
        histogram_add(&loop.results->classes[c->class].latency, now_us - c->begun_us);
    } else if (is_2xx) {
        count_failure(c->begun_us, c->class, DRIVE_LATE);
    } else {
        loop.results->classes[c->class].failures++;
        loop.results->statuses[status]++;
        loop.results->refusals += status == 503 && c->response.has_retry_after;
    }
}

/* CPU so far, or since `from`. */
static void cpu_take(double *user_us, double *system_us)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    *user_us = (double)u.ru_utime.tv_sec * 1e6 + (double)u.ru_utime.tv_usec - *user_us;
    *system_us = (double)u.ru_stime.tv_sec * 1e6 + (double)u.ru_stime.tv_usec - *system_us;
}

/* --- connections and their requests ------------------------------------------------------------------------------- */

static bool is_open_loop(void)
{
    return loop.options->rate > 0;
}

static void channel_lost(struct channel *c, uint64_t retry_us)
{
    if (!c->was_opened) loop.opening--;
    c->was_opened = true;
    if (channel_is_coming(c)) loop.coming--;
    channel_close(c);
    c->retry_us = retry_us;
    loop.down[loop.down_count++] = c;
}

static void request_begin(struct channel *c, struct arrival a, uint64_t now_us)
{
    c->begun_us = a.at_us;
    c->class = a.class;
    if (channel_send(c, mix_message(loop.mix, a.class), mix_is_head(loop.mix, a.class))) {
        loop.under_way++;
        return;
    }
    count_failure(a.at_us, a.class, DRIVE_BROKEN);
    channel_lost(c, now_us);
}

/* An idle connection gets its next request, or waits for one. */
static void channel_serve(struct channel *c, uint64_t now_us)
{
    if (loop.queue_first < loop.queue_end) {
        request_begin(c, loop.queue[loop.queue_first++ % QUEUE], now_us);
    } else if (loop.begin_us && !is_open_loop() && now_us < loop.end_us) {
        request_begin(c, (struct arrival){ now_us, mix_pick(loop.mix) }, now_us);
    } else if (!c->is_pooled) {
        c->is_pooled = true;
        loop.pool[loop.pool_count++] = c;
    }
}

/* NULL: none is idle. Connections that were lost in the pool are left out. */
static struct channel *pool_take(void)
{
    while (loop.pool_count) {
        struct channel *c = loop.pool[--loop.pool_count];
        c->is_pooled = false;
        if (c->state == CHANNEL_IDLE) return c;
    }
    return NULL;
}

static void channel_opened(struct channel *c, uint64_t now_us)
{
    if (!c->was_opened) loop.opening--;
    c->was_opened = true;
    loop.coming--;
    channel_serve(c, now_us);
}

static void channel_answered(struct channel *c, uint64_t now_us)
{
    loop.under_way--;
    count_answer(c, now_us);
    if (c->response.closes || loop.options->is_fresh) channel_lost(c, now_us);
    else channel_serve(c, now_us);
}

static void channel_failed(struct channel *c, enum drive_error why, uint64_t now_us)
{
    if (c->state == CHANNEL_BUSY) {
        loop.under_way--;
        count_failure(c->begun_us, c->class, why);
    } else {
        loop.results->errors[why]++;
    }
    channel_lost(c, why == DRIVE_CONNECT ? now_us + RETRY_US : now_us);
}

static void channel_happened(struct channel *c, uint32_t events)
{
    enum channel_event e = channel_handle(c, events);
    if (e == CHANNEL_WAIT) return;
    uint64_t now = clock_us();
    switch (e) {
    case CHANNEL_OPENED: channel_opened(c, now); break;
    case CHANNEL_REPLIED: channel_answered(c, now); break;
    case CHANNEL_UNOPENED: channel_failed(c, DRIVE_CONNECT, now); break;
    case CHANNEL_DROPPED: channel_lost(c, now); break;
    case CHANNEL_BROKEN: channel_failed(c, DRIVE_BROKEN, now); break;
    case CHANNEL_GARBLED: channel_failed(c, DRIVE_GARBLED, now); break;
    case CHANNEL_WAIT: break;
    }
}

static bool is_another_wanted(void)
{
    return !loop.options->is_fresh || loop.queue_end - loop.queue_first > (uint64_t)loop.coming;
}

/* Opens what is down and may be tried now. */
static void down_open(uint64_t now_us)
{
    for (int i = loop.down_count - 1; i >= 0 && is_another_wanted(); i--) {
        struct channel *c = loop.down[i];
        if (c->retry_us > now_us) continue;
        loop.down[i] = loop.down[--loop.down_count];
        loop.coming++;
        if (!channel_open(c, loop.origin, loop.epoll)) channel_failed(c, DRIVE_CONNECT, now_us);
    }
}

/* --- arrivals ----------------------------------------------------------------------------------------------------- */

static double interval_us(void)
{
    double mean = 1e6 / loop.options->rate;
    return loop.options->is_poisson ? -log(mix_random(loop.mix)) * mean : mean;
}

static void arrive(struct arrival a, uint64_t now_us)
{
    uint64_t late = now_us - a.at_us;
    if (is_counted(a.at_us) && late > loop.results->late_us) loop.results->late_us = late;
    struct channel *c = pool_take();
    if (c) request_begin(c, a, now_us);
    else if (loop.options->late_ms) count_failure(a.at_us, a.class, DRIVE_UNSENT);
    else if (loop.queue_end - loop.queue_first < QUEUE) loop.queue[loop.queue_end++ % QUEUE] = a;
    else count_failure(a.at_us, a.class, DRIVE_UNANSWERED);
}

/* Requests whose time has come; returns microseconds until the next one, or more when it could only fail. */
static uint64_t arrivals(uint64_t now_us)
{
    uint64_t at;
    while ((at = loop.begin_us + (uint64_t)loop.next_us) <= now_us && at < loop.end_us) {
        arrive((struct arrival){ at, mix_pick(loop.mix) }, now_us);
        loop.next_us += interval_us();
    }
    if (loop.options->late_ms && !loop.pool_count) return CROWDED_US;
    return at < loop.end_us ? at - now_us : PAUSE_US;
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

/* Begins when all connections are open, or have failed, or take too long. */
static void begin(uint64_t now_us)
{
    const struct drive_options *o = loop.options;
    loop.begin_us = now_us;
    loop.count_us = now_us + (uint64_t)(o->warmup_seconds * 1e6);
    loop.end_us = loop.count_us + (uint64_t)(o->seconds * 1e6);
    loop.deadline_us = loop.end_us + DRIVE_GRACE_S * 1000000;
    loop.next_us = is_open_loop() ? interval_us() : 0;
    for (int n = is_open_loop() ? 0 : loop.pool_count; n > 0; n--) {
        struct channel *c = pool_take();
        if (c) channel_serve(c, now_us);
    }
}

static void wait_and_handle(uint64_t wait_us)
{
    struct epoll_event events[EVENTS];
    struct timespec timeout = { (time_t)(wait_us / 1000000), (long)(wait_us % 1000000) * 1000 };
    int n = epoll_pwait2(loop.epoll, events, EVENTS, &timeout, NULL);
    for (int i = 0; i < n; i++) channel_happened(events[i].data.ptr, events[i].events);
}

static bool is_over(uint64_t now_us)
{
    if (!loop.begin_us || now_us < loop.end_us) return false;
    return now_us >= loop.deadline_us || (!loop.under_way && loop.queue_first == loop.queue_end);
}

static void loop_run(void)
{
    enum { BEFORE, COUNTING, AFTER } phase = BEFORE;
    uint64_t opening_us = DRIVE_OPENING_S * 1000000 + (uint64_t)loop.options->connections * DRIVE_OPENING_EACH_US;
    uint64_t now = loop.launch_us = clock_us();
    for (; !is_over(now); now = clock_us()) {
        if (!loop.begin_us && (!loop.opening || now - loop.launch_us >= opening_us)) begin(now);
        if (loop.begin_us && ((phase == BEFORE && now >= loop.count_us) || (phase == COUNTING && now >= loop.end_us))) {
            cpu_take(&loop.results->user_us, &loop.results->system_us);
            phase++;
        }
        uint64_t wait = loop.begin_us && is_open_loop() ? arrivals(now) : PAUSE_US;
        down_open(now);
        wait_and_handle(wait < PAUSE_US ? wait : PAUSE_US);
    }
    if (phase == COUNTING) cpu_take(&loop.results->user_us, &loop.results->system_us);
}

/* What the end of time cut off. */
static void unanswered_count(void)
{
    for (; loop.queue_first < loop.queue_end; loop.queue_first++) {
        struct arrival a = loop.queue[loop.queue_first % QUEUE];
        count_failure(a.at_us, a.class, DRIVE_UNANSWERED);
    }
    for (int i = 0; i < loop.options->connections; i++) {
        struct channel *c = &loop.channels[i];
        if (c->state == CHANNEL_BUSY) count_failure(c->begun_us, c->class, DRIVE_UNANSWERED);
        else if (!c->was_opened) loop.results->errors[DRIVE_CONNECT]++;
    }
}

void drive_run(const struct drive_options *o, const struct origin *origin, struct mix *m, struct drive_results *ret)
{
    size_t n = (size_t)o->connections;
    loop.options = o;
    loop.origin = origin;
    loop.mix = m;
    loop.results = ret;
    loop.epoll = epoll_create1(EPOLL_CLOEXEC);
    loop.channels = calloc(n, sizeof *loop.channels);
    loop.pool = calloc(n, sizeof *loop.pool);
    loop.down = calloc(n, sizeof *loop.down);
    loop.queue = calloc(QUEUE, sizeof *loop.queue);
    loop.opening = o->is_fresh ? 0 : o->connections;
    if (loop.epoll < 0 || !loop.channels || !loop.pool || !loop.down || !loop.queue) abort();
    for (int i = 0; i < o->connections; i++) {
        channel_init(&loop.channels[i], i % o->addresses);
        loop.channels[i].was_opened = o->is_fresh;
        loop.down[loop.down_count++] = &loop.channels[i];
    }
    loop_run();
    unanswered_count();
    for (int i = 0; i < o->connections; i++) channel_done(&loop.channels[i]);
    free(loop.channels);
    free(loop.pool);
    free(loop.down);
    free(loop.queue);
    close(loop.epoll);
}
