/* client: HTTP/1.1 out, with a pool of keep-alive connections per origin and worker.
 *
 * Strict on what comes back (http/head). Never blocks: an origin is a numeric address or a name resolved off the loop. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/head.h"

struct event_base;
struct client;  /* per worker */
struct origin;  /* one upstream address, e.g. "http://127.0.0.1:8102" */

enum client_error { CLIENT_OK, CLIENT_CONNECT, CLIENT_TIMEOUT, CLIENT_PROTOCOL, CLIENT_CLOSED, CLIENT_TOO_LARGE, CLIENT_BUSY };

struct client_request {
    enum method method;
    struct str target;              /* path and query, as to be sent */
    const struct header *headers;   /* Host, Content-Length and Connection are added */
    size_t header_count;
    struct str body;
    int timeout_ms;                 /* connect to last byte */
    size_t reply_max;               /* bytes of body */
    bool idempotent;                /* a stale pooled connection may be retried once on a fresh one */
};

struct client_reply {
    enum client_error error;
    int status;
    const struct header *headers;   /* valid during the callback only */
    size_t header_count;
    struct str body;                /* decoded; valid during the callback only */
};

typedef void (*client_done_fn)(void *arg, const struct client_reply *reply);

struct client *client_new(struct event_base *base);
void client_free(struct client *c); /* requests under way are answered with CLIENT_CLOSED; not from inside `done` */
struct origin *client_origin(struct client *c, struct str url); /* NULL: malformed; owned by the client; same url, same origin */

/* A target or header that would break the framing gives CLIENT_PROTOCOL, LIMIT_UPSTREAM_QUEUE in flight CLIENT_BUSY.
 * Request bytes are copied; `done` is called exactly once, never from inside this call. */
void client_send(struct origin *o, const struct client_request *request, client_done_fn done, void *arg);

#endif
