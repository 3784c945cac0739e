/* app: a process of N workers: starts them, tells whether they are ready, reloads its settings on SIGHUP, drains on SIGTERM or SIGINT. */
#ifndef APP_APP_H
#define APP_APP_H

#include "http/route.h"
#include "http/worker.h"

#include <stdatomic.h>

enum { WORKERS_MAX = 32 };

struct app {
    const char *name;
    int worker_count;
    bool trusts_gateway;                       /* a service keeps X-Request-Id and X-Request-Timeout-Ms as they come */
    struct route_table routes;                 /* all that is served; metrics are per row */
    bool (*start)(struct worker *w);           /* on the worker's thread; false: the process ends with an error */
    void (*drain)(struct worker *w);           /* stop accepting */
    bool (*is_busy)(const struct worker *w);   /* while draining: is anything left? */
    void (*stop)(struct worker *w);            /* free what start() made */
    bool (*ready)(const struct worker *w);
    void (*reloaded)(struct worker *w);        /* it has other settings; those of before go when this returns. NULL: nothing to do */
    void (*tick)(struct worker *w);            /* twenty times a second. NULL: nothing to do */
    void (*metrics)(const struct app *app, struct buf *out); /* further ones, from any worker's thread. NULL: none */
    void *extra;                               /* the binary's own */

    struct worker workers[WORKERS_MAX];
    const void *settings[WORKERS_MAX];         /* each worker's own: settings_of() */
    atomic_ulong reloads_good, reloads_refused;
    atomic_llong loaded_s;                     /* when the settings were loaded, seconds since 1970 */
    atomic_bool worker_ready[WORKERS_MAX], ending, draining, failed;
};

/* Runs until a signal; the exit status. */
int app_run(struct app *app);

/* Every worker is ready, as they last said (they say so twenty times a second), and there was no SIGTERM. */
bool app_ready(const struct app *app);

/* Ends the process as SIGTERM would, with EXIT_FAILURE. The reason was logged. */
void app_fail(struct worker *w);

/* Marks this worker's readiness at once, for starts that are counted in milliseconds. */
void app_tell_ready(struct worker *w);

#endif
