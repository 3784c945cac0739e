#include "fleet.h"

#include "expect.h"
#include "pool.h"
#include "stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_S = 20 };

struct reply *fleet_ask(const struct replica *gateway)
{
    return http_send(&(struct request){ .method = "GET",
                                        .url = text("%s/api/v1/customers?size=1", gateway->https_url),
                                        .token = stack.admin_token,
                                        .fresh = true });
}

void fleet_asks_well(const struct replica *gateway, int times)
{
    for (int i = 0; i < times; i++) expect_status(fleet_ask(gateway), 200);
}

int fleet_served(const struct replica *service)
{
    static const char line[] = "http_requests_total{operation=\"listCustomers\",status=\"2xx\"} ";
    const char *all = expect_status(GET(text("%s/metrics", service->url)), 200)->body, *at = strstr(all, line);
    return at ? atoi(at + strlen(line)) : 0;
}

struct wish {
    const struct replica *gateway, *service;
    int served;
};

static bool is_served(void *arg)
{
    const struct wish *w = arg;
    fleet_asks_well(w->gateway, 1);
    return fleet_served(w->service) > w->served;
}

void fleet_asks_until_served(const struct replica *gateway, const struct replica *service)
{
    struct wish w = { gateway, service, fleet_served(service) };
    expect(poll_until(PATIENCE_S, is_served, &w), "%s gets no request", service->url);
}

static bool is_well(void *arg)
{
    return fleet_ask(arg)->status == 200;
}

void fleet_asks_until_well(const struct replica *gateway)
{
    expect(poll_until(PATIENCE_S, is_well, (void *)(uintptr_t)gateway), "%ld", fleet_ask(gateway)->status);
}

static bool line_is_there(void *arg)
{
    FILE *f = fopen(text("%s/replica.log", getenv("LOG_DIR")), "r");
    char line[8192];
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) found = strstr(line, arg) != NULL;
    if (f) fclose(f);
    return found;
}

bool fleet_log_has(const char *part)
{
    return poll_until(PATIENCE_S, line_is_there, text("%s", part));
}
