#include "spool.h"

#include "spool_file.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_MAX = 16 * 1024 * 1024, TICK_MS = 250 };

/* How far apart writes begin: further while BUSY_LINES or more come in APART_US. A gateway that is so busy gains more by half the fsyncs
 * than an answer loses by 2.5 ms on average. */
enum { APART_US = 5000, APART_BUSY_US = 10000, BUSY_LINES = 4 };

struct spool_user {
    int wake_fd;
    struct event *event;
    void (*written)(void *arg);
    void *arg;
    uint64_t last; /* its newest line; relaxed atomic */
    struct spool_user *next;
};

static struct {
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    struct buf pending;
    uint64_t added; /* numbers of lines */
    bool is_running, is_stopping;
} spool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct {
    pthread_mutex_t lock; /* not that of the lines: a worker that is woken adds some at once, and would wait for who wakes the others */
    struct spool_user *first;
} users = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t durable; /* written by the thread, read by any */
static bool is_broken;   /* the same */

/* --- on the thread ---------------------------------------------------------------------------------------------------------- */

static struct writer {
    struct spool_file file;
    struct buf lines;
    uint64_t last, begun_us, due_us;
    bool is_lone; /* the last write was of one line */
} writer;

static struct timespec in_us(uint64_t us)
{
    return (struct timespec){ (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };
}

/* Until there are lines that may be written, or it is to stop, or for a tick. With the lock. */
static void wait_a_little(void)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_sec++, until.tv_nsec -= 1000000000L;
    if (!spool.is_stopping && (is_broken || !spool.pending.len)) pthread_cond_timedwait(&spool.wake, &spool.lock, &until);
}

/* A write comes at once after a pause; else when some time has passed since the last one began: without that, each line of a busy gateway
 * had an fsync nearly for itself. */
static void keep_apart(const struct writer *w)
{
    uint64_t now = clock_us();
    struct timespec rest = in_us(w->due_us > now ? w->due_us - now : 0);
    if (w->due_us > now) nanosleep(&rest, NULL);
}

/* `lines`: how many have come since the last one began. */
static void begin(struct writer *w, uint64_t lines)
{
    uint64_t now = clock_us();
    bool is_busy = lines * APART_US >= BUSY_LINES * (now - w->begun_us);
    w->due_us = now + (is_busy ? APART_BUSY_US : APART_US);
    w->begun_us = now;
    w->is_lone = lines == 1;
}

/* What could not be written is written again, into another file: some lines may be there twice then. */
static void take(struct writer *w)
{
    pthread_mutex_lock(&spool.lock);
    if (!w->lines.len) {
        struct buf b = w->lines;
        w->lines = spool.pending;
        spool.pending = b;
        w->last = spool.added;
    }
    pthread_mutex_unlock(&spool.lock);
}

static void note(struct writer *w, int error)
{
    if (error && !is_broken) log_error("the spool cannot be written", LOG_Z("folder", w->file.folder), LOG_Z("why", strerror(error)));
    if (!error && is_broken) log_info("the spool is written again");
    __atomic_store_n(&is_broken, error != 0, __ATOMIC_RELEASE);
    if (error) return spool_file_close(&w->file);
    buf_clear(&w->lines);
}

/* By a descriptor of its own, not by event_active(): that holds the lock of the loop which it wakes. */
static void tell(uint64_t before)
{
    pthread_mutex_lock(&users.lock);
    for (const struct spool_user *u = users.first; u; u = u->next)
        if (__atomic_load_n(&u->last, __ATOMIC_RELAXED) > before && eventfd_write(u->wake_fd, 1)) abort();
    pthread_mutex_unlock(&users.lock);
}

static void write_lines(struct writer *w)
{
    uint64_t before = durable;
    keep_apart(w);
    take(w);
    begin(w, w->last - before);
    errno = 0;
    bool is_good = spool_file_write(&w->file, buf_str(&w->lines));
    note(w, is_good ? 0 : errno ? errno : EIO); /* a write of nothing sets none */
    if (is_good) __atomic_store_n(&durable, w->last, __ATOMIC_RELEASE);
    tell(before);
}

/* Where lines follow each other, some will be there when the next write is due: the thread sleeps until then, and no worker has to wake it
 * before. After a lone line it sleeps until there is another, so that it is not woken for nothing. */
static void *run(void *arg)
{
    struct writer *w = arg;
    for (bool is_over = false; !is_over;) {
        if (!w->is_lone) keep_apart(w);
        pthread_mutex_lock(&spool.lock);
        wait_a_little();
        bool has_lines = spool.pending.len || w->lines.len;
        is_over = spool.is_stopping && (!has_lines || is_broken);
        pthread_mutex_unlock(&spool.lock);
        if (has_lines) write_lines(w);
        if (is_over || spool_file_is_over(&w->file)) spool_file_close(&w->file);
    }
    return NULL;
}

/* --- the workers' side --------------------------------------------------------------------------------------------------------- */

uint64_t spool_add(struct spool_user *u, struct str line)
{
    pthread_mutex_lock(&spool.lock);
    bool is_first = !spool.pending.len;
    buf_add(&spool.pending, line);
    uint64_t number = ++spool.added;
    __atomic_store_n(&u->last, number, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&spool.lock);
    if (is_first) pthread_cond_signal(&spool.wake);
    return number;
}

uint64_t spool_durable(void)
{
    return __atomic_load_n(&durable, __ATOMIC_ACQUIRE);
}

bool spool_is_broken(void)
{
    return __atomic_load_n(&is_broken, __ATOMIC_ACQUIRE);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    const struct spool_user *u = arg;
    eventfd_t count;
    (void)what;
    eventfd_read(fd, &count);
    u->written(u->arg);
}

struct spool_user *spool_join(const struct worker *w, void (*written)(void *arg), void *arg)
{
    struct spool_user *u = malloc(sizeof *u);
    if (!u) abort();
    *u = (struct spool_user){ .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .written = written, .arg = arg };
    u->event = event_new(w->base, u->wake_fd, EV_READ | EV_PERSIST, on_event, u);
    if (u->wake_fd < 0 || !u->event || event_add(u->event, NULL)) abort();
    pthread_mutex_lock(&users.lock);
    u->next = users.first;
    users.first = u;
    pthread_mutex_unlock(&users.lock);
    return u;
}

void spool_leave(struct spool_user *u)
{
    pthread_mutex_lock(&users.lock);
    struct spool_user **at = &users.first;
    while (*at != u) at = &(*at)->next;
    *at = u->next;
    pthread_mutex_unlock(&users.lock);
    event_free(u->event);
    close(u->wake_fd);
    free(u);
}

/* --- life ----------------------------------------------------------------------------------------------------------------------- */

static void start_thread(void)
{
    sigset_t all, before;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&spool.wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread takes no signals */
    if (pthread_create(&spool.thread, NULL, run, &writer)) abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    spool.is_running = true;
}

const char *spool_start(const char *folder)
{
    const char *fault = spool_folder_take(folder);
    if (fault) return fault;
    buf_init(&spool.pending, BUFFER_MAX);
    buf_init(&writer.lines, BUFFER_MAX);
    spool_file_init(&writer.file, folder);
    start_thread();
    return NULL;
}

void spool_stop(void)
{
    if (!spool.is_running) return;
    pthread_mutex_lock(&spool.lock);
    spool.is_stopping = true;
    pthread_mutex_unlock(&spool.lock);
    pthread_cond_signal(&spool.wake);
    pthread_join(spool.thread, NULL);
    pthread_cond_destroy(&spool.wake);
    buf_done(&spool.pending);
    buf_done(&writer.lines);
    spool_folder_leave();
}
