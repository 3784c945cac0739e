/* server: HTTP/1.1 in. One per worker; owns its listening socket (SO_REUSEPORT), connections and requests.
 *
 * server.c is the only user of libevhtp, which listens and accepts; the bytes go through http/stream and http/wire. Pipelined
 * requests are answered in order. Framing errors are answered in the error envelope and close the connection. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/req.h"

struct event_base;
struct server;

/* 0: as base/limits.h has it. */
struct server_limits {
    int head_max, headers_max; /* bytes, fields -> 431 */
    int target_max;         /* bytes -> 414 */
    int body_max;           /* bytes -> 413 */
    int head_ms, idle_ms;
    int body_ms, body_rate; /* a body has body_ms, and a second more for every body_rate bytes that have come -> 408 */
    int requests_max;       /* under way; further ones wait ... */
    int queue_ms;           /* ... so long -> 503; < 0: not at all */
};

struct server_config {
    const char *address;   /* "127.0.0.1", "0.0.0.0", "::" */
    int port;              /* 0: any; server_port() tells */
    void *tls;             /* SSL_CTX *, borrowed; NULL: plain */
    struct census *census; /* limits connections; shared by all servers of a process; NULL: nobody does */
    struct server_limits limits;
    bool is_inner;         /* behind a gateway: heads have room for what it adds */
    size_t window;         /* of bodies that are longer, on_request gets the begin, see server_flow(); 0: it waits for all */
    struct worker *worker; /* handed to every request */
    bool (*is_proxy)(const struct worker *w, struct str peer); /* many clients share this address; NULL: none does */
    /* Bytes of a body to this path, 0: limits.body_max; NULL: always that. */
    size_t (*body_max_of)(const struct worker *w, enum method method, struct str path);
    bool (*is_vital)(const struct req *r); /* answered even when too many are under way; NULL: none is */
    handler_fn on_request; /* called once per request; must lead to exactly one reply, now or later */
    /* A request refused before it became one (framing, limits): answer it from r->problem. */
    handler_fn on_refused;
};

struct server *server_new(struct event_base *base, const struct server_config *config); /* NULL: cannot listen; errno */

/* A listening socket that has the port to itself, to be closed soon: nobody is accepted. < 0: somebody has it, or it cannot be
 * had; errno. server_new() would share it with any process of the same user, which then got a part of the connections. */
int server_claim(const char *address, int port);
int server_port(const struct server *s);
size_t server_connections(const struct server *s);

/* For connections from now on; those that are there keep what they have. Borrowed, like config.tls. */
void server_set_tls(struct server *s, void *tls);

/* From now on, also for the connections that are there. */
void server_set_limits(struct server *s, const struct server_limits *limits);

/* Stops accepting, without resetting who is about to be connected; idle connections close now, busy ones after their reply
 * ("Connection: close"). It is over when the server is not busy any more. */
void server_drain(struct server *s);
bool server_is_busy(const struct server *s); /* it listens, or has connections */
void server_free(struct server *s); /* closes what is left */

/* Sends r->status, the reply headers and r->out. HEAD sends no body but its Content-Length. Adds Date, Content-Type,
 * Content-Length, Connection. Called once per request, by http/reply only. */
void server_reply(struct req *r);
void server_reply_now(struct req *r); /* of one that worker.on_hold() kept */

/* --- bodies that do not wait to be whole -------------------------------------------------------------------------- */

/* From now on `flow` has its part in r, until the reply is over. */
void server_flow(struct req *r, const struct req_flow *flow, void *arg);

/* r->body is not all: the rest comes to flow->body() while it is not paused. It begins paused; resuming it may lead to
 * flow->body() and flow->broken() at once. */
bool server_body_follows(const struct req *r);
void server_body_pause(struct req *r);
void server_body_resume(struct req *r);

/* In place of server_reply(): a body of `length` bytes (-1: nobody knows), of which r->out is the begin, then the rest, then
 * the end, once. Not whole: the connection breaks, so that the client notices. */
void server_reply_begin(struct req *r, int64_t length);
void server_reply_add(struct req *r, struct str piece);
void server_reply_end(struct req *r, bool is_whole);
bool server_reply_is_full(struct req *r); /* over LIMIT_UNSENT waits for the client: no more until flow->writable() */

#endif
