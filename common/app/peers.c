#include "app/peers.h"

#include "app/outgoing.h"
#include "base/uuid.h"

#include <stddef.h>

#define AT(member) offsetof(struct peers, member)
const struct opt peers_opts[] = {
    { "AUTH_SERVICE_URL", O_STR, AT(auth_url), NULL, 0, 1, 0,
      "base URL of auth-service; here and below: where nothing is set, it is not asked" },
    { "CUSTOMER_SERVICE_URL", O_STR, AT(customer_url), NULL, 0, 1, 0, "base URL of customer-service" },
    { "OPPORTUNITY_SERVICE_URL", O_STR, AT(opportunity_url), NULL, 0, 1, 0, "base URL of opportunity-service" },
    { "ORDER_SERVICE_URL", O_STR, AT(order_url), NULL, 0, 1, 0, "base URL of order-service" },
    { "SERVICE_CLIENT_ID", O_STR, AT(client_id), NULL, 0, 1, 0,
      "as which client of auth-service this service asks the others (auth-service create-client); its permissions: docs/operations.md" },
    { "SERVICE_CLIENT_SECRET", O_STR, AT(client_secret), NULL, O_SECRET, 1, 0, "its secret" },
    { 0 },
};

static const struct {
    const char *service, *name;
    size_t at;
} urls[] = {
    { "auth-service", "AUTH_SERVICE_URL", AT(auth_url) },
    { "customer-service", "CUSTOMER_SERVICE_URL", AT(customer_url) },
    { "opportunity-service", "OPPORTUNITY_SERVICE_URL", AT(opportunity_url) },
    { "order-service", "ORDER_SERVICE_URL", AT(order_url) },
};
enum { URLS = sizeof urls / sizeof *urls };

static const char *url_at(const struct peers *p, size_t i)
{
    return *(const char *const *)((const char *)p + urls[i].at);
}

bool peers_check(const struct peers *p, const struct outgoing *o, struct buf *faults)
{
    bool ok = true;
    for (size_t i = 0; i < URLS; i++) {
        if (!url_at(p, i) || outgoing_url_is_good(o, str_of(url_at(p, i)))) continue;
        buf_addf(faults, "%s is not a URL that can be used\n", urls[i].name);
        ok = false;
    }
    if (p->client_id && !uuid_valid(str_of(p->client_id))) buf_addz(faults, "SERVICE_CLIENT_ID is no UUID\n"), ok = false;
    if (!p->client_id == !p->client_secret) return ok;
    buf_addz(faults, "SERVICE_CLIENT_ID and SERVICE_CLIENT_SECRET need each other\n");
    return false;
}

const char *peers_url(const struct peers *p, const char *service)
{
    for (size_t i = 0; i < URLS; i++)
        if (str_is(str_of(service), urls[i].service)) return url_at(p, i);
    return NULL;
}
