/* backend: what the gateway keeps for one host of a balance: host->extra. */
#ifndef GATEWAY_BACKEND_H
#define GATEWAY_BACKEND_H

#include "http/client.h"

struct backend {
    struct origin *origin; /* held */
    bool is_checked;       /* just now */
};

struct backend *backend_new(struct origin *origin); /* takes over the hold */
void backend_free(void *backend);

#endif
