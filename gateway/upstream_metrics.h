/* upstream_metrics: what the workers know of the services behind the gateway, in Prometheus text.
 *
 * Budgets, breakers and addresses are plain data of their worker. It publishes its numbers now and then; any thread prints them. */
#ifndef GATEWAY_UPSTREAM_METRICS_H
#define GATEWAY_UPSTREAM_METRICS_H

#include "upstream.h"

struct app;
struct buf;

void upstream_metrics_start(int workers); /* before they run */
void upstream_metrics_end(void);

/* On the thread of `worker`; `upstream` by enum service_id. */
void upstream_metrics_publish(int worker, const struct upstream *upstream, uint64_t now_us);
void upstream_metrics_print(const struct app *app, struct buf *out);

#endif
