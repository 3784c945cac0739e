#include "upstream.h"

#include "backend.h"
#include "health.h"
#include "roster.h"

#include "base/uuid.h"
#include "http/worker.h"

#include <stdlib.h>

_Static_assert((int)ROSTER_MAX == (int)BALANCE_HOSTS_MAX, "what the roster finds the balance takes");

/* --- its addresses ------------------------------------------------------------------------------------------------ */

static const struct roster_entry *entry_find(const struct roster_entry *entries, const char *label)
{
    while (!str_is(entries->label, label)) entries++;
    return entries;
}

static void on_roster(void *arg, const struct roster_entry *entries, size_t count)
{
    struct upstream *u = arg;
    struct str labels[ROSTER_MAX];
    size_t hosts_count;
    for (size_t i = 0; i < count; i++) labels[i] = entries[i].label;
    if (!balance_set(u->balance, labels, count)) return;
    struct host *const *hosts = balance_hosts(u->balance, &hosts_count);
    for (size_t i = 0; i < hosts_count; i++) {
        if (hosts[i]->extra) continue;
        const struct roster_entry *e = entry_find(entries, hosts[i]->address);
        hosts[i]->extra = backend_new(client_origin_at(u->client, e->url, e->at));
    }
}

bool upstream_apply(struct upstream *u, struct str urls, const struct breaker_settings *breaker, const struct budget_settings *budget,
                    struct str *ret_bad)
{
    budget_set(&u->budget, budget);
    for (size_t i = 0; i < u->routes->count; i++) breaker_set(&u->breakers[i], breaker);
    return roster_set(u->roster, urls, ret_bad);
}

bool upstream_is_known(const struct upstream *u)
{
    size_t count;
    balance_hosts(u->balance, &count);
    return count > 0;
}

/* --- the rest of it ----------------------------------------------------------------------------------------------- */

void upstream_init(struct upstream *u, const struct worker *w, const struct route_table *routes, const struct upstream_settings *settings,
                   const struct breaker_settings *breaker, const struct budget_settings *budget)
{
    *u = (struct upstream){ .client = w->client, .routes = routes, .settings = balance_usual };
    u->settings.forget = backend_free;
    u->balance = balance_new(&u->settings);
    u->roster = roster_new(w->base, w->client, settings->resolve_ms, on_roster, u);
    if (settings->check_ms) u->health = health_new(w, u->balance, settings->check_ms, settings->check_timeout_ms);
    u->breakers = calloc(routes->count, sizeof *u->breakers);
    if (!u->breakers) abort();
    random_bytes(&u->random, sizeof u->random);
    budget_init(&u->budget, budget);
    for (size_t i = 0; i < routes->count; i++) breaker_init(&u->breakers[i], breaker, upstream_random(u));
}

void upstream_done(struct upstream *u)
{
    if (!u->balance) return;
    health_free(u->health);
    roster_free(u->roster);
    balance_free(u->balance);
    free(u->breakers);
}

struct breaker *upstream_breaker(const struct upstream *u, const struct route *route)
{
    return &u->breakers[route - u->routes->rows];
}

/* splitmix64 (G. L. Steele and others, 2014) */
uint64_t upstream_random(struct upstream *u)
{
    uint64_t z = u->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
