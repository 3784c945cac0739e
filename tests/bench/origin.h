/* origin: whom the load goes to: an address, with TLS or without. */
#ifndef BENCH_ORIGIN_H
#define BENCH_ORIGIN_H

#include "base/str.h"

#include <sys/socket.h>

struct origin {
    struct sockaddr_storage address;
    socklen_t address_len;
    struct ssl_ctx_st *tls; /* NULL: plain. The certificate is not checked: the server is our own */
    struct str authority;   /* points into the URL */
    char host[256];
};

/* "https://localhost:8443/path" -> NULL, or what is wrong with it. ret_path is "" when there is none, and points into the URL. */
const char *origin_read(const char *url, struct origin *ret, struct str *ret_path);
void origin_done(struct origin *o);

#endif
