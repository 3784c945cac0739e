#include "backend.h"

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
