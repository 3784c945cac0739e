#include "app/metrics.h"

#include "app/app.h"
#include "app/trust.h"
#include "http/req.h"

#include <stdlib.h>

enum { BUCKETS = 11, STATUSES = 5 };

static const struct {
    uint64_t us;
    const char *label;
} buckets[BUCKETS] = {
    { 500, "0.0005" }, { 1000, "0.001" },  { 2500, "0.0025" },     { 5000, "0.005" },
    { 10000, "0.01" }, { 25000, "0.025" }, { 100000, "0.1" },      { 500000, "0.5" },
    { 1000000, "1" },  { 5000000, "5" },   { UINT64_MAX, "+Inf" },
};

/* Written by one thread, read by any: relaxed atomics, no locks. */
struct counts {
    uint64_t status[STATUSES]; /* 1xx .. 5xx */
    uint64_t bucket[BUCKETS];
    uint64_t us, db_us, db_trips;
};

struct metrics {
    size_t routes;
    struct counts counts[]; /* the last one: no route */
};

struct metrics *metrics_new(size_t routes)
{
    struct metrics *m = calloc(1, sizeof *m + (routes + 1) * sizeof *m->counts);
    if (!m) abort();
    m->routes = routes;
    return m;
}

void metrics_free(struct metrics *m)
{
    free(m);
}

static void count(uint64_t *n, uint64_t by)
{
    __atomic_store_n(n, *n + by, __ATOMIC_RELAXED);
}

static uint64_t value(const uint64_t *n)
{
    return __atomic_load_n(n, __ATOMIC_RELAXED);
}

void metrics_count(struct worker *w, const struct route *route, uint64_t took_us, const struct req *r)
{
    const struct route_table *t = &w->app->routes;
    size_t i = route >= t->rows && route < t->rows + t->count ? (size_t)(route - t->rows) : t->count;
    struct counts *c = &w->metrics->counts[i];
    int bucket = 0;
    while (took_us > buckets[bucket].us) bucket++;
    count(&c->status[r->status / 100 - 1], 1);
    count(&c->bucket[bucket], 1);
    count(&c->us, took_us);
    count(&c->db_us, r->db_us);
    count(&c->db_trips, r->db_trips);
}

static struct counts sum(const struct app *app, size_t route)
{
    struct counts all = { 0 };
    for (int w = 0; w < app->worker_count; w++) {
        const struct metrics *m = app->workers[w].metrics;
        if (!m) continue;
        const struct counts *c = &m->counts[route];
        for (int i = 0; i < STATUSES; i++) all.status[i] += value(&c->status[i]);
        for (int i = 0; i < BUCKETS; i++) all.bucket[i] += value(&c->bucket[i]);
        all.us += value(&c->us);
        all.db_us += value(&c->db_us);
        all.db_trips += value(&c->db_trips);
    }
    return all;
}

static void print_route(struct buf *out, struct str operation, const struct counts *c)
{
    uint64_t total = 0;
    for (int i = 0; i < STATUSES; i++)
        if (c->status[i])
            buf_addf(out, "http_requests_total{operation=\"%.*s\",status=\"%dxx\"} %llu\n", STR_ARG(operation), i + 1,
                     (unsigned long long)c->status[i]);
    for (int i = 0; i < BUCKETS; i++) {
        total += c->bucket[i];
        buf_addf(out, "http_request_duration_seconds_bucket{operation=\"%.*s\",le=\"%s\"} %llu\n", STR_ARG(operation),
                 buckets[i].label, (unsigned long long)total);
    }
    buf_addf(out, "http_request_duration_seconds_sum{operation=\"%.*s\"} %.6f\n", STR_ARG(operation), (double)c->us / 1e6);
    buf_addf(out, "http_request_duration_seconds_count{operation=\"%.*s\"} %llu\n", STR_ARG(operation),
             (unsigned long long)total);
    buf_addf(out, "http_request_database_seconds_sum{operation=\"%.*s\"} %.6f\n", STR_ARG(operation), (double)c->db_us / 1e6);
    buf_addf(out, "http_request_database_trips_total{operation=\"%.*s\"} %llu\n", STR_ARG(operation), (unsigned long long)c->db_trips);
}

static void print_refusals(const struct app *app, struct buf *out)
{
    buf_addz(out, "# HELP http_refusals_total What was turned away before it became a request, by reason.\n"
                  "# TYPE http_refusals_total counter\n");
    for (int i = 0; i < REFUSAL_COUNT; i++) {
        uint64_t n = 0;
        for (int w = 0; w < app->worker_count; w++) n += value(&app->workers[w].refusals[i]);
        buf_addf(out, "http_refusals_total{reason=\"%s\"} %llu\n", refusal_names[i], (unsigned long long)n);
    }
}

static const char help[] =
    "# HELP http_requests_total Requests answered, by operation and class of status.\n"
    "# TYPE http_requests_total counter\n"
    "# HELP http_request_duration_seconds Time from the whole request to its reply.\n"
    "# TYPE http_request_duration_seconds histogram\n"
    "# HELP http_request_database_seconds_sum Part of that time spent waiting for PostgreSQL.\n"
    "# TYPE http_request_database_seconds_sum counter\n"
    "# HELP http_request_database_trips_total Round trips to PostgreSQL that requests waited for.\n"
    "# TYPE http_request_database_trips_total counter\n";

static void print_reloads(const struct app *app, struct buf *out)
{
    buf_addf(out,
             "# HELP config_reloads_total Settings loaded or refused on SIGHUP.\n"
             "# TYPE config_reloads_total counter\n"
             "config_reloads_total{result=\"good\"} %lu\nconfig_reloads_total{result=\"refused\"} %lu\n"
             "# HELP config_last_good_timestamp_seconds When the settings in force were loaded.\n"
             "# TYPE config_last_good_timestamp_seconds gauge\n"
             "config_last_good_timestamp_seconds %lld\n",
             atomic_load(&app->reloads_good), atomic_load(&app->reloads_refused), atomic_load(&app->loaded_s));
}

void metrics_print(const struct app *app, struct buf *out)
{
    buf_addz(out, help);
    for (size_t i = 0; i <= app->routes.count; i++) {
        struct counts c = sum(app, i);
        bool seen = false;
        for (int b = 0; b < BUCKETS; b++) seen |= c.bucket[b] != 0;
        if (seen) print_route(out, i < app->routes.count ? app->routes.rows[i].operation : STR("none"), &c);
    }
    print_refusals(app, out);
    buf_addf(out, "# TYPE service_ready gauge\nservice_ready %d\n", app_ready(app));
    trust_print(app, out);
    print_reloads(app, out);
    if (app->metrics) app->metrics(app, out);
}
