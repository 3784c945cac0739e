#include "backend.h"

#include "base/log.h"

#include <stdlib.h>

struct backend *backend_new(struct origin *origin)
{
    struct backend *b = calloc(1, sizeof *b);
    if (!b) abort();
    b->origin = origin;
    return b;
}

void backend_free(void *backend)
{
    struct backend *b = backend;
    client_origin_release(b->origin);
    free(b);
}

void backend_hear(struct backend *b, const char *label, const struct client_reply *reply)
{
    bool is_new = reply->fault && reply->fault != b->fault;
    if (is_new) log_warn("TLS with upstream host failed", LOG_Z("host", label), LOG_Z("reason", reply->fault));
    if (reply->fault || reply->error == CLIENT_OK) b->fault = reply->fault;
}
