/* client: HTTP/1.1 out, with a pool of keep-alive connections per origin and worker.
 *
 * Strict on what comes back (http/head). Never blocks: an origin is a numeric address or a name resolved off the loop. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/head.h"

struct address;
struct event_base;
struct resolver;
struct client;  /* per worker */
struct origin;  /* one upstream address, e.g. "http://127.0.0.1:8102" */

enum client_error { CLIENT_OK, CLIENT_CONNECT, CLIENT_TIMEOUT, CLIENT_PROTOCOL, CLIENT_CLOSED, CLIENT_TOO_LARGE, CLIENT_BUSY };

struct client_reply {
    enum client_error error;
    const char *fault;              /* of CLIENT_CONNECT, why TLS failed, in OpenSSL's words: for the log; else NULL. Static */
    int status;
    const struct header *headers;   /* valid during the callback only */
    size_t header_count;
    struct str body;                /* decoded; valid during the callback only */
    int64_t length;                 /* of the whole body, or that GET would have, if the head says it; else -1 */
};

/* For bodies that do not wait to be whole. Each gets the `arg` of client_send(). */
struct client_flow {
    void (*begun)(void *arg, const struct client_reply *reply); /* the reply, with the begin of its body; LIMIT_WINDOW or more will come */
    void (*piece)(void *arg, struct str piece);                 /* of that body; after the last one `done`, without a body */
    void (*writable)(void *arg);                                /* the connection takes more of the request's body */
};

struct client_request {
    enum method method;
    struct str target;              /* path and query, as to be sent */
    const struct header *headers;   /* Host, Content-Length and Connection are added */
    size_t header_count;
    struct str body;
    int timeout_ms;                 /* connect to last byte; of what flows, from piece to piece */
    size_t reply_max;               /* bytes of body, of a reply that flows too */
    bool idempotent;                /* a stale pooled connection may be retried once on a fresh one */
    const struct client_flow *flow; /* NULL: the reply is collected */
    bool body_follows;              /* `body` is its begin: the rest comes by client_body() */
    int64_t body_length;            /* of all of it; -1: chunked. For body_follows */
};

typedef void (*client_done_fn)(void *arg, const struct client_reply *reply);

struct client *client_new(struct event_base *base);
void client_end(struct client *c);  /* requests under way are answered with CLIENT_CLOSED; not from inside `done` */
void client_free(struct client *c); /* the same, and all is gone, origins too */
struct resolver *client_resolver(struct client *c);
void client_set_tls(struct client *c, void *tls); /* SSL_CTX for https, borrowed; for connections from now on */

/* NULL: not a url that the client takes; https only with client_set_tls(). Held until it is released, which need not be done
 * before client_free(); same url, same origin. A name is resolved for each connection; with `at`, its address is known and the
 * name is only what Host says and a certificate is for. */
struct origin *client_origin(struct client *c, struct str url);
struct origin *client_origin_at(struct client *c, struct str url, const struct address *at);
void client_origin_release(struct origin *o);
bool client_takes_url(const struct client *c, struct str url);

/* A target or header that would break the framing gives CLIENT_PROTOCOL, LIMIT_UPSTREAM_QUEUE in flight CLIENT_BUSY.
 * Request bytes are copied; `done` is called exactly once, never from inside this call. What is returned is valid until then. */
struct exchange *client_send(struct origin *o, const struct client_request *request, client_done_fn done, void *arg);

/* More of a body that follows, while client_takes() says so; flow->writable() tells when it does again. */
bool client_takes(const struct exchange *x);
void client_body(struct exchange *x, struct str piece, bool is_last);

/* The reply's pieces stop until client_resume(). */
void client_pause(struct exchange *x);
void client_resume(struct exchange *x);

/* Gives the exchange up: its connection is closed, nothing is called any more, not even `done`. */
void client_abort(struct exchange *x);

#endif
