/* metrics: what a worker counted, and all workers' counts in Prometheus text (exposition format 0.0.4). */
#ifndef APP_METRICS_H
#define APP_METRICS_H

#include "base/buf.h"

struct app;
struct metrics;
struct req;
struct route;
struct worker;

struct metrics *metrics_new(size_t routes);
void metrics_free(struct metrics *m);

/* `route`: a row of app.routes, or NULL for requests that found none. */
void metrics_count(struct worker *w, const struct route *route, uint64_t took_us, const struct req *r);
void metrics_print(const struct app *app, struct buf *out);

#endif
