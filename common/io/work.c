#include "io/work.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NICE = 10 };

struct job {
    struct job *next;
    void (*run)(void *);
    void (*done)(void *);
    void *arg;
};

struct jobs {
    struct job *first, **end;
};

struct work {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct jobs todo, finished;
    size_t unfinished; /* seen by the loop only */
    bool stop;
    int fd; /* eventfd: something is in `finished` */
    struct event *event;
};

static void jobs_init(struct jobs *q)
{
    q->first = NULL;
    q->end = &q->first;
}

static void jobs_push(struct jobs *q, struct job *j)
{
    j->next = NULL;
    *q->end = j;
    q->end = &j->next;
}

static struct job *jobs_pop(struct jobs *q)
{
    struct job *j = q->first;
    if (!j) return NULL;
    q->first = j->next;
    if (!q->first) q->end = &q->first;
    return j;
}

static void *work_thread(void *arg)
{
    struct work *w = arg;
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* of this thread only, as Linux has it; one that is refused hurts nobody */
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        struct job *j = jobs_pop(&w->todo);
        if (!j) {
            pthread_cond_wait(&w->wake, &w->lock);
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        j->run(j->arg);
        pthread_mutex_lock(&w->lock);
        jobs_push(&w->finished, j);
        if (eventfd_write(w->fd, 1) < 0) abort();
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void work_deliver(int fd, short what, void *arg)
{
    struct work *w = arg;
    (void)what;
    eventfd_t count;
    if (eventfd_read(fd, &count) < 0) return;
    for (;;) {
        pthread_mutex_lock(&w->lock);
        struct job *j = jobs_pop(&w->finished);
        pthread_mutex_unlock(&w->lock);
        if (!j) return;
        w->unfinished--;
        j->done(j->arg);
        free(j);
    }
}

struct work *work_new(struct event_base *base)
{
    struct work *w = calloc(1, sizeof *w);
    if (!w) abort();
    jobs_init(&w->todo);
    jobs_init(&w->finished);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->fd < 0) abort();
    w->event = event_new(base, w->fd, EV_READ | EV_PERSIST, work_deliver, w);
    event_add(w->event, NULL);
    if (pthread_create(&w->thread, NULL, work_thread, w)) abort();
    return w;
}

size_t work_waiting(const struct work *w)
{
    return w->unfinished;
}

static void jobs_drop(struct jobs *q)
{
    for (struct job *j; (j = jobs_pop(q));) free(j);
}

void work_free(struct work *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    event_free(w->event);
    close(w->fd);
    jobs_drop(&w->todo);
    jobs_drop(&w->finished);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wake);
    free(w);
}

void work_submit(struct work *w, void (*run)(void *), void (*done)(void *), void *arg)
{
    struct job *j = malloc(sizeof *j);
    if (!j) abort();
    *j = (struct job){ .run = run, .done = done, .arg = arg };
    w->unfinished++;
    pthread_mutex_lock(&w->lock);
    jobs_push(&w->todo, j);
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}
