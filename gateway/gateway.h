/* gateway: what the files of the gateway share. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "base/config.h"
#include "http/client.h"
#include "http/req.h"
#include "permissions.h"

struct gateway_settings {
    const char *address, *admin_address, *cert_file, *key_file, *jwks_url, *log_level;
    const char *upstream[SERVICE_COUNT]; /* base URL by enum service_id */
    int port, admin_port, workers, drain_ms;
    bool access_log;
};
extern struct gateway_settings gateway_settings;
extern const struct opt gateway_opts[];

/* Per worker. */
struct gateway {
    struct origin *upstream[SERVICE_COUNT];
    struct server *admin; /* worker 0 only */
    struct router *admin_router;
};

/* proxy.c: sends the request to its route's service and the answer back. */
void proxy(struct req *r);

/* tls.c: TLS 1.2 and 1.3, AEAD suites, session tickets. NULL: `fault` says why. */
void *tls_server(const char *cert_file, const char *key_file, const char **fault);
void tls_free(void *tls);

#endif
