/* server: HTTP/1.1 in. One per worker; owns its listening socket (SO_REUSEPORT), connections and requests.
 *
 * server.c is the only user of libevhtp, which listens and accepts; the bytes go through http/stream and http/wire. Pipelined
 * requests are answered in order. Framing errors are answered in the error envelope and close the connection. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/req.h"

struct event_base;
struct server;

struct server_config {
    const char *address;   /* "127.0.0.1", "0.0.0.0", "::" */
    int port;              /* 0: any; server_port() tells */
    void *tls;             /* SSL_CTX *, borrowed; NULL: plain */
    size_t body_max;       /* bytes -> 413 */
    int head_ms, body_ms, idle_ms; /* 0: LIMIT_HEAD_MS, LIMIT_BODY_MS, LIMIT_IDLE_MS */
    struct worker *worker; /* handed to every request */
    handler_fn on_request; /* called once per request; must lead to exactly one server_reply(), now or later */
    /* A request refused before it became one (framing, limits): answer it from r->problem. */
    handler_fn on_refused;
};

struct server *server_new(struct event_base *base, const struct server_config *config); /* NULL: cannot listen; errno */
int server_port(const struct server *s);
size_t server_connections(const struct server *s);

/* For connections from now on; those that are there keep what they have. Borrowed, like config.tls. */
void server_set_tls(struct server *s, void *tls);

/* Stops accepting; idle connections close now, busy ones after their reply ("Connection: close"). */
void server_drain(struct server *s);
void server_free(struct server *s); /* closes what is left */

/* Sends r->status, the reply headers and r->out. HEAD sends no body but its Content-Length. Adds Date, Content-Type,
 * Content-Length, Connection. Called once per request, by http/reply only. */
void server_reply(struct req *r);

#endif
