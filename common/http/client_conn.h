/* client_conn: one connection to an origin, and one exchange (request and reply) on it. Private to http/client.
 *
 * client.c owns clients, pools and exchanges; client_origin.c origins; client_conn.c connects, writes and reads; client_flow.c has
 * what only bodies in pieces need. */
#ifndef HTTP_CLIENT_CONN_H
#define HTTP_CLIENT_CONN_H

#include "http/base_url.h"
#include "http/chunked.h"
#include "http/client.h"
#include "http/stream.h"

#include <sys/queue.h>

struct client {
    struct event_base *base;
    struct resolver *resolver;
    LIST_HEAD(, origin) origins;
    LIST_HEAD(, exchange) exchanges;
    struct event *sweep; /* closes what was idle too long */
};

struct origin {
    LIST_ENTRY(origin) link;
    struct client *client;
    struct arena arena;
    struct str url, authority; /* authority: for Host */
    const char *host;
    int port;
    struct address address; /* its `len` is 0: `host` is a name */
    LIST_HEAD(, client_conn) idle; /* the last used first */
    size_t idle_count, in_flight;
    int holds; /* by client_origin(); none: it goes at a sweep */
};

/* Lies in its own arena. */
struct exchange {
    LIST_ENTRY(exchange) link;
    struct arena arena;
    struct origin *origin;
    struct client_conn *conn; /* NULL: none yet, or any more */
    struct str bytes;         /* the request */
    enum method method;
    size_t reply_max;
    int timeout_ms;
    bool idempotent, retried;
    const struct client_flow *flow;
    bool body_follows, body_is_chunked;
    bool flows;          /* the reply has begun */
    bool is_paused, is_inside, is_aborted; /* inside: one of flow's functions runs */
    struct client_reply reply; /* as far as it is read */
    client_done_fn done;
    void *arg;
    struct event timer; /* the deadline; also used to report a failure from the loop */
};

struct client_conn {
    LIST_ENTRY(client_conn) link; /* in origin->idle */
    struct origin *origin;
    struct exchange *exchange; /* NULL: idle */
    struct stream stream;
    struct resolution *resolution; /* of the origin's name, while it is under way */
    struct address *addresses; /* tried in turn; in the exchange's arena */
    size_t address_count, address_next;
    bool connected, pooled, reused; /* reused: this is not its first exchange */
    bool sent, answered;            /* a byte of this exchange went out, came in */
    enum { REPLY_HEAD, REPLY_LENGTH, REPLY_CHUNKED, REPLY_TO_END } phase;
    int interims;
    uint64_t left;   /* of Content-Length; to the end of the connection: of reply_max */
    struct buf body; /* what came of the body before the rest */
    struct chunked chunked;
    bool keep_alive;
    uint64_t idle_us; /* since when */
};

/* In client_conn.c. */
void client_conn_open(struct exchange *x);                         /* a fresh connection for x */
bool client_conn_reuse(struct client_conn *c, struct exchange *x); /* false: it was dead; closed, x untouched */
void client_conn_close(struct client_conn *c);

/* In client_flow.c. */
bool flow_is_due(const struct client_conn *c);   /* so much of the reply has come that it is passed on from now on */
bool flow_begin(struct client_conn *c, struct str body); /* false: the exchange was given up meanwhile, c is gone */
bool flow_piece(struct client_conn *c, struct str piece); /* the same */
void flow_writable(struct client_conn *c);       /* all that there was to send is sent */

/* In client.c. */
void exchange_time(struct exchange *x); /* the deadline runs from now */
void exchange_fail(struct exchange *x, enum client_error error); /* reported from the loop, not from inside */
void exchange_end(struct exchange *x, enum client_error error);  /* reported now; x is freed */
void origin_keep(struct origin *o, struct client_conn *c);       /* into the pool, or closed */
void origin_leave(struct client_conn *c);                        /* out of the pool */
void client_sweep_later(struct client *c);

/* In client_origin.c. */
void origin_free(struct origin *o);

#endif
