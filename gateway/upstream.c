#include "upstream.h"

#include "base/uuid.h"

#include <stdlib.h>

void upstream_init(struct upstream *u, const struct route_table *routes, const struct breaker_settings *breaker,
                   const struct budget_settings *budget)
{
    *u = (struct upstream){ .routes = routes, .balance = balance_new(&balance_usual) };
    u->breakers = calloc(routes->count, sizeof *u->breakers);
    if (!u->breakers) abort();
    random_bytes(&u->random, sizeof u->random);
    budget_init(&u->budget, budget);
    for (size_t i = 0; i < routes->count; i++) breaker_init(&u->breakers[i], breaker, upstream_random(u));
}

static void set_addresses(struct upstream *u, struct client *client, struct str urls)
{
    struct str list[BALANCE_HOSTS_MAX];
    size_t count = 0;
    while (!str_is_none(urls) && count < BALANCE_HOSTS_MAX) list[count++] = str_trim(str_cut(&urls, ','));
    balance_set(u->balance, list, count);
    struct host *const *hosts = balance_hosts(u->balance, &count);
    for (size_t i = 0; i < count; i++)
        if (!hosts[i]->extra) hosts[i]->extra = client_origin(client, str_of(hosts[i]->address));
}

void upstream_apply(struct upstream *u, struct client *client, struct str urls, const struct breaker_settings *breaker,
                    const struct budget_settings *budget)
{
    set_addresses(u, client, urls);
    budget_set(&u->budget, budget);
    for (size_t i = 0; i < u->routes->count; i++) breaker_set(&u->breakers[i], breaker);
}

void upstream_done(struct upstream *u)
{
    if (u->balance) balance_free(u->balance);
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
