#include "upstream_metrics.h"

#include "base/buf.h"
#include "permissions.h"
#include "registry.h"

#include <stdlib.h>

enum { STATES = BREAKER_HALF_OPEN + 1 };

/* Written by one thread, read by any: relaxed atomics, no locks. */
struct service_numbers {
    uint64_t retries, refused, degraded;
    uint64_t usable, ejected, down, in_flight;
};

struct breaker_numbers {
    uint64_t trips, refused;
    uint64_t states[STATES]; /* by enum breaker_state: 1 for the one that it is in */
};

struct numbers {
    struct service_numbers services[SERVICE_COUNT];
    struct breaker_numbers breakers[]; /* by row of the registry: an operation is of one service */
};

static struct {
    int workers;
    struct numbers **of;
} published;

void upstream_metrics_start(int workers)
{
    published.workers = workers;
    published.of = calloc((size_t)workers, sizeof *published.of);
    if (!published.of) abort();
    for (int i = 0; i < workers; i++) {
        published.of[i] = calloc(1, sizeof **published.of + registry.count * sizeof(struct breaker_numbers));
        if (!published.of[i]) abort();
    }
}

void upstream_metrics_end(void)
{
    for (int i = 0; i < published.workers; i++) free(published.of[i]);
    free(published.of);
}

/* --- a worker's own ----------------------------------------------------------------------------------------------- */

static void set(uint64_t *n, uint64_t value)
{
    __atomic_store_n(n, value, __ATOMIC_RELAXED);
}

static uint64_t get(const uint64_t *n)
{
    return __atomic_load_n(n, __ATOMIC_RELAXED);
}

static void publish_service(struct service_numbers *n, const struct upstream *u, uint64_t now_us)
{
    size_t count, usable = 0, down = 0, in_flight = 0;
    struct host *const *hosts = balance_hosts(u->balance, &count);
    for (size_t i = 0; i < count; i++) {
        usable += host_is_usable(hosts[i], now_us);
        down += !hosts[i]->up;
        in_flight += hosts[i]->in_flight;
    }
    set(&n->retries, u->budget.granted);
    set(&n->degraded, u->degraded);
    set(&n->refused, u->budget.refused);
    set(&n->usable, usable);
    set(&n->ejected, count - usable - down);
    set(&n->down, down);
    set(&n->in_flight, in_flight);
}

void upstream_metrics_publish(int worker, const struct upstream *upstream, uint64_t now_us)
{
    struct numbers *n = published.of[worker];
    for (int i = 0; i < SERVICE_COUNT; i++) publish_service(&n->services[i], &upstream[i], now_us);
    for (size_t i = 0; i < registry.count; i++) {
        const struct route *route = &registry.rows[i];
        const struct breaker *b = upstream_breaker(&upstream[route->service], route);
        struct breaker_numbers *to = &n->breakers[i];
        set(&to->trips, b->trips);
        set(&to->refused, b->refused);
        for (int state = 0; state < STATES; state++)
            set(&to->states[state], breaker_state(b, now_us) == (enum breaker_state)state);
    }
}

/* --- everybody's -------------------------------------------------------------------------------------------------- */

enum across_workers { SUM, LEAST, MOST }; /* all have a view of the same addresses: the worst one counts; requests add up */

struct metric {
    const char *name, *labels, *type, *help; /* no help: another line of the metric before it */
    enum across_workers across;
    size_t at; /* of the number */
};

#define SERVICE(member) offsetof(struct service_numbers, member)
static const struct metric service_metrics[] = {
    { "upstream_retries_total", "", "counter", "Requests sent once more.", SUM, SERVICE(retries) },
    { "upstream_retries_refused_total", "", "counter", "Retries that the budget did not allow.", SUM, SERVICE(refused) },
    { "upstream_degraded_answers_total", "", "counter", "Requests answered from the last good answer.", SUM, SERVICE(degraded) },
    { "upstream_requests_in_flight", "", "gauge", "Requests that wait for a service.", SUM, SERVICE(in_flight) },
    { "upstream_hosts", ",state=\"usable\"", "gauge", "Addresses of a service, as the worker that thinks worst of them sees them.", LEAST,
      SERVICE(usable) },
    { "upstream_hosts", ",state=\"ejected\"", NULL, NULL, MOST, SERVICE(ejected) },
    { "upstream_hosts", ",state=\"down\"", NULL, NULL, MOST, SERVICE(down) },
};

#define BREAKER(member) offsetof(struct breaker_numbers, member)
static const struct metric breaker_metrics[] = {
    { "breaker_trips_total", "", "counter", "Times that a breaker has opened.", SUM, BREAKER(trips) },
    { "breaker_refused_total", "", "counter", "Requests that an open breaker has refused.", SUM, BREAKER(refused) },
    { "breaker_state", ",state=\"closed\"", "gauge", "Workers whose breaker is in that state; only of breakers that have tripped.", SUM,
      BREAKER(states[BREAKER_CLOSED]) },
    { "breaker_state", ",state=\"open\"", NULL, NULL, SUM, BREAKER(states[BREAKER_OPEN]) },
    { "breaker_state", ",state=\"half_open\"", NULL, NULL, SUM, BREAKER(states[BREAKER_HALF_OPEN]) },
};

/* `at`: of the number in struct numbers. */
static unsigned long long across(enum across_workers how, size_t at)
{
    uint64_t all = how == LEAST ? UINT64_MAX : 0;
    for (int i = 0; i < published.workers; i++) {
        uint64_t n = get((const uint64_t *)((const char *)published.of[i] + at));
        if (how == SUM) all += n;
        else if (how == LEAST ? n < all : n > all) all = n;
    }
    return all;
}

static void print_help(struct buf *out, const struct metric *m)
{
    if (m->help) buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
}

static void print_services(struct buf *out, const struct metric *m)
{
    print_help(out, m);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        buf_addf(out, "%s{service=\"%.*s\"%s} %llu\n", m->name, STR_ARG(service_names[i]), m->labels,
                 across(m->across, offsetof(struct numbers, services) + i * sizeof(struct service_numbers) + m->at));
}

/* One that never tripped is closed: most are, and are left out. */
static void print_breakers(struct buf *out, const struct metric *m)
{
    print_help(out, m);
    for (size_t i = 0; i < registry.count; i++) {
        const struct route *route = &registry.rows[i];
        size_t at = offsetof(struct numbers, breakers) + i * sizeof(struct breaker_numbers);
        if (!across(SUM, at + BREAKER(trips))) continue;
        buf_addf(out, "%s{service=\"%.*s\",operation=\"%.*s\"%s} %llu\n", m->name, STR_ARG(service_names[route->service]),
                 STR_ARG(route->operation), m->labels, across(m->across, at + m->at));
    }
}

void upstream_metrics_print(const struct app *app, struct buf *out)
{
    (void)app;
    for (size_t i = 0; i < sizeof service_metrics / sizeof *service_metrics; i++) print_services(out, &service_metrics[i]);
    for (size_t i = 0; i < sizeof breaker_metrics / sizeof *breaker_metrics; i++) print_breakers(out, &breaker_metrics[i]);
}
