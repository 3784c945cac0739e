#include "app/app.h"

#include "app/access.h"
#include "app/listen.h"
#include "app/metrics.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/log.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TICK_MS = 50, TRIM_AT = 16 * 1024 * 1024 };

struct thread {
    pthread_t id;
    struct app *app;
    struct worker *worker;
    int wake_fd; /* to drain, or to go on to other settings */
    struct event *wake, *tick;
    uint64_t drain_until_us; /* 0: not draining */
};

void app_tell_ready(struct worker *w)
{
    struct app *app = (struct app *)w->app;
    atomic_store(&app->worker_ready[w->index], app->ready(w));
}

void app_fail(struct worker *w)
{
    struct app *app = (struct app *)w->app;
    if (!atomic_exchange(&app->failed, true)) kill(getpid(), SIGTERM);
}

bool app_ready(const struct app *app)
{
    if (atomic_load(&app->ending)) return false;
    for (int i = 0; i < app->worker_count; i++)
        if (!atomic_load(&app->worker_ready[i])) return false;
    return true;
}

static const struct app_settings *own(const struct thread *t)
{
    return settings_of(t->worker);
}

static void reload(struct thread *t)
{
    const void *old = own(t);
    t->app->settings[t->worker->index] = settings_hold();
    if (t->app->reloaded) t->app->reloaded(t->worker);
    settings_release(old);
}

static void on_wake(int fd, short what, void *arg)
{
    (void)what;
    struct thread *t = arg;
    eventfd_t n;
    if (eventfd_read(fd, &n) < 0 || t->drain_until_us) return;
    if (!atomic_load(&t->app->draining)) return reload(t);
    t->drain_until_us = clock_us() + (uint64_t)own(t)->drain_ms * 1000;
    t->app->drain(t->worker);
}

static void on_tick(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct thread *t = arg;
    app_tell_ready(t->worker);
    access_flush(t->worker);
    listen_tell(t->worker);
    if (t->app->tick) t->app->tick(t->worker);
    bool over = t->drain_until_us && (!t->app->is_busy(t->worker) || clock_us() > t->drain_until_us);
    if (over) event_base_loopexit(t->worker->base, NULL);
}

static void set_policy(const struct thread *t)
{
    static const struct sched_param none;
    int fault = own(t)->is_batch ? pthread_setschedparam(pthread_self(), SCHED_BATCH, &none) : 0;
    if (fault) log_warn("SCHED_BATCH cannot be used", LOG_Z("why", strerror(fault)));
}

static void thread_events(struct thread *t)
{
    static const struct timeval tick = { 0, TICK_MS * 1000 };
    t->wake = event_new(t->worker->base, t->wake_fd, EV_READ | EV_PERSIST, on_wake, t);
    t->tick = event_new(t->worker->base, -1, EV_PERSIST, on_tick, t);
    event_add(t->wake, NULL);
    event_add(t->tick, &tick);
}

static void *thread_main(void *arg)
{
    struct thread *t = arg;
    struct worker *w = t->worker;
    w->base = event_base_new();
    if (!w->base) abort();
    t->app->settings[w->index] = settings_hold();
    set_policy(t); /* the threads that it makes inherit it */
    w->metrics = metrics_new(t->app->routes.count);
    access_start(w);
    thread_events(t);
    if (t->app->start(w)) event_base_dispatch(w->base);
    else app_fail(w);
    atomic_store(&t->app->worker_ready[w->index], false);
    event_free(t->tick); /* what is stopped does not tick, whoever runs the loop */
    event_free(t->wake);
    t->app->stop(w);
    access_stop(w);
    event_base_free(w->base);
    settings_release(own(t));
    return NULL;
}

static void start_threads(struct app *app, struct thread *threads)
{
    for (int i = 0; i < app->worker_count; i++) {
        app->workers[i] = (struct worker){ .app = app, .index = i };
        threads[i] = (struct thread){ .app = app,
                                      .worker = &app->workers[i],
                                      .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
        if (threads[i].wake_fd < 0 || pthread_create(&threads[i].id, NULL, thread_main, &threads[i])) abort();
    }
}

static void wake_all(const struct app *app, const struct thread *threads)
{
    for (int i = 0; i < app->worker_count; i++)
        if (eventfd_write(threads[i].wake_fd, 1) < 0) abort();
}

static void wait_for_end(struct app *app, const struct thread *threads, const sigset_t *signals)
{
    int signal = 0;
    while (sigwait(signals, &signal) == 0 && signal == SIGHUP) {
        bool good = settings_reload();
        atomic_fetch_add(good ? &app->reloads_good : &app->reloads_refused, 1);
        if (!good) continue;
        atomic_store(&app->loaded_s, clock_unix_ms() / 1000);
        wake_all(app, threads);
    }
    log_info("draining", LOG_Z("signal", signal == SIGINT ? "SIGINT" : "SIGTERM"));
}

static int drain_delay_ms(void)
{
    const struct app_settings *newest = settings_hold();
    int ms = newest->drain_delay_ms;
    settings_release(newest);
    return ms;
}

int app_run(struct app *app)
{
    struct thread threads[WORKERS_MAX];
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* inherited by all threads: only sigwait sees them */
    signal(SIGPIPE, SIG_IGN);
    evthread_use_pthreads();
    mallopt(M_MXFAST, 0);                /* fast bins are merged again and again under load; the thread caches are enough */
    mallopt(M_TRIM_THRESHOLD, TRIM_AT);
    atomic_store(&app->loaded_s, clock_unix_ms() / 1000);
    start_threads(app, threads);
    wait_for_end(app, threads, &signals);
    atomic_store(&app->ending, true); /* who asks for readiness sends no more; what is on its way is still taken */
    usleep((useconds_t)drain_delay_ms() * 1000);
    atomic_store(&app->draining, true);
    wake_all(app, threads);
    for (int i = 0; i < app->worker_count; i++) {
        pthread_join(threads[i].id, NULL);
        close(threads[i].wake_fd);
    }
    for (int i = 0; i < app->worker_count; i++) metrics_free(app->workers[i].metrics);
    log_info("stopped");
    return atomic_load(&app->failed) ? EXIT_FAILURE : EXIT_SUCCESS;
}
