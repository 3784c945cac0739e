/* backend: what the gateway keeps for one host of a balance: host->extra. */
#ifndef GATEWAY_BACKEND_H
#define GATEWAY_BACKEND_H

#include "http/client.h"

struct backend {
    struct origin *origin; /* held */
    bool is_checked;       /* just now */
    const char *fault;     /* of TLS, as the log says; NULL: none */
};

struct backend *backend_new(struct origin *origin); /* takes over the hold */
void backend_free(void *backend);

/* Looks at each answer: a new fault of TLS is logged, once. `label`: the host's. */
void backend_hear(struct backend *b, const char *label, const struct client_reply *reply);

#endif
