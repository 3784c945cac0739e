/* gateway: what the files of the gateway share. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "addresses.h"
#include "app/settings.h"
#include "audit.h"
#include "base/cidr.h"
#include "http/req.h"
#include "permissions.h"
#include "rates.h"
#include "stale.h"
#include "upstream.h"

#include <sys/queue.h>

struct gateway_settings {
    struct app_settings app;
    const char *address, *admin_address;
    const char *upstream[SERVICE_COUNT]; /* base URLs by enum service_id */
    const char *trusted_proxies;
    int port, plain_port, admin_port, stale_max_ms;
    struct tls_files tls;
    struct upstream_settings upstreams;
    struct breaker_settings breaker;
    struct budget_settings budget;
    struct rates rates;
    struct addresses addresses;
    struct audit_settings audit;
    struct watch_settings watch;
    int retries_max, backoff_ms, backoff_max_ms;

    /* made of those */
    struct cidr_set *trusted; /* proxies that may say who the client is */
    void *server_tls;         /* certificate and key */
};
extern const struct settings_plan gateway_plan;

#define PLAIN_ADDRESS "127.0.0.1" /* where the plain port is */

enum { RATE_DIGEST = 40 };

/* Per worker. */
struct gateway {
    struct upstream upstream[SERVICE_COUNT];
    LIST_HEAD(, passage) waiting; /* requests between two tries */
    struct stale *stale;
    struct address_rules *address_rules; /* NULL: none are kept */
    struct audit *audit; /* NULL: nothing is recorded */
    struct redis *redis; /* NULL: limits are local */
    char rate_script[RATE_DIGEST + 1]; /* empty: not known yet */
    bool is_loading;
    struct server *plain; /* NULL: not asked for */
    struct server *admin; /* worker 0 only */
    struct router *admin_router;
};

/* proxy.c: sends the request to its route's service and the answer back. */
void proxy(struct req *r);
void proxy_stop(struct gateway *g); /* drops what waits for another try; its clients must be gone */

/* worker.c: listen_start() with all the places that the gateway listens at. */
bool gateway_listens_alone(const struct gateway_settings *s);

/* And what struct app asks for. */
bool gateway_worker_start(struct worker *w);
void gateway_worker_drain(struct worker *w);
bool gateway_worker_is_busy(const struct worker *w);
void gateway_worker_stop(struct worker *w);
bool gateway_worker_ready(const struct worker *w);
void gateway_worker_reloaded(struct worker *w);
void gateway_worker_tick(struct worker *w);

#endif
