#include "app/system.h"

#include "app/metrics.h"
#include "http/reply.h"
#include "permissions.h"

#include <stdlib.h>

static void healthz(struct req *r)
{
    reply_raw(r, 200, STR("application/json; charset=utf-8"), STR("{\"status\":\"up\"}"));
}

static void readyz(struct req *r)
{
    app_tell_ready(r->worker);
    bool ready = app_ready(r->worker->app);
    reply_raw(r, ready ? 200 : 503, STR("application/json; charset=utf-8"),
              ready ? STR("{\"status\":\"ready\"}") : STR("{\"status\":\"not ready\"}"));
}

static void metrics(struct req *r)
{
    buf_clear(&r->out);
    metrics_print(r->worker->app, &r->out);
    reply_raw(r, 200, STR("text/plain; version=0.0.4; charset=utf-8"), buf_str(&r->out));
}

#define SYSTEM_ROUTE(template, name, fn)                                                                               \
    {                                                                                                                  \
        .method = METHOD_GET, .path = STR(template), .handler = fn, .permission = PERM_PUBLIC, .timeout_ms = 1000,     \
        .operation = STR(name)                                                                                         \
    }

static const struct route rows[] = {
    SYSTEM_ROUTE("/healthz", "healthz", healthz),
    SYSTEM_ROUTE("/readyz", "readyz", readyz),
    SYSTEM_ROUTE("/metrics", "metrics", metrics),
};
const struct route_table system_routes = { rows, sizeof rows / sizeof *rows };

struct route_table route_table_join(const struct route_table *a, const struct route_table *b)
{
    struct route *all = calloc(a->count + b->count, sizeof *all);
    if (!all) abort();
    memcpy(all, a->rows, a->count * sizeof *all);
    memcpy(all + a->count, b->rows, b->count * sizeof *all);
    return (struct route_table){ all, a->count + b->count };
}
