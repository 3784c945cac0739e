/* gateway: what the files of the gateway share. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "base/cidr.h"
#include "base/config.h"
#include "http/req.h"
#include "permissions.h"
#include "upstream.h"

#include <sys/queue.h>

struct gateway_settings {
    const char *address, *admin_address, *cert_file, *key_file, *jwks_url, *log_level;
    const char *upstream[SERVICE_COUNT]; /* base URLs by enum service_id */
    const char *trusted_proxies;
    int port, admin_port, workers, drain_ms;
    bool access_log;
};
extern struct gateway_settings gateway_settings;
extern const struct opt gateway_opts[];

extern struct cidr_set *gateway_trusted; /* proxies that may say who the client is; read-only once the workers run */

/* Per worker. */
struct gateway {
    struct upstream upstream[SERVICE_COUNT];
    LIST_HEAD(, passage) waiting; /* requests between two tries */
    struct server *admin; /* worker 0 only */
    struct router *admin_router;
};

/* proxy.c: sends the request to its route's service and the answer back. */
void proxy(struct req *r);
void proxy_stop(struct gateway *g); /* drops what waits for another try; its clients must be gone */

/* tls.c: TLS 1.2 and 1.3, AEAD suites, session tickets. NULL: `fault` says why. */
void *tls_server(const char *cert_file, const char *key_file, const char **fault);
void tls_free(void *tls);

#endif
