/* server_conn: one client connection, from its first byte to its last. Private to http/server.
 *
 * server.c listens and accepts; server_conn.c reads and begins requests, one at a time and in order, and ends the connection;
 * server_reply.c answers, and passes on bodies that do not wait to be whole; server_queue.c has the requests that wait for room. */
#ifndef HTTP_SERVER_CONN_H
#define HTTP_SERVER_CONN_H

#include "http/refusal.h"
#include "http/resolve.h"
#include "http/server.h"
#include "http/stream.h"
#include "http/wire.h"

#include <sys/queue.h>

/* What a connection waits for; each phase but BUSY has a time limit that runs from its begin. */
enum phase { HANDSHAKE, IDLE, HEAD, BODY, BUSY, LINGER, PHASE_COUNT };

struct server {
    struct event_base *base;
    struct server_config config; /* its limits: none is 0 */
    int limits_ms[PHASE_COUNT];
    struct wire_limits wire_limits;
    int in_flight; /* requests that live */
    TAILQ_HEAD(, req) waiting; /* of these, for room: the longest first */
    int waiting_count;
    struct event queue;
    bool is_freed; /* but for those */
    struct evhtp *htp;
    struct event *accept_again, *accept_end;
    LIST_HEAD(, server_conn) conns;
    size_t count;
    int port;
    bool draining;
};

struct server_conn {
    LIST_ENTRY(server_conn) link;
    struct server *server;
    struct stream stream;
    struct req *req;            /* under way; NULL between requests */
    bool keep_alive, is_1_0;    /* of that request */
    enum refusal refused;       /* the connection itself, at its first request; REFUSAL_COUNT: no */
    struct wire wire;
    enum phase phase;
    struct event timer;
    uint64_t since_us, deadline_us, timer_us; /* of the phase; when the timer fires (never later). 0: none */
    size_t received;   /* bytes in this phase */
    bool running, closing, is_broken;
    bool is_many; /* the peer is a proxy for many */
    bool has_asked; /* at least one request has come */
    char peer[ADDRESS_TEXT];
};

/* Takes an accepted socket into service. */
void conn_open(struct server *s, int fd, const char *peer);
void conn_close(struct server_conn *c); /* ends it at once and frees it */
void conn_fail(struct server_conn *c);  /* the same, from the loop */
void conn_refuse(struct server_conn *c, struct req *r); /* r->problem, from what the wire says */
void conn_run(struct server_conn *c);   /* reads, begins, answers as far as it goes; may free it */
void conn_count(struct server *s, enum refusal refusal);
void req_refuse(struct server *s, struct req *r, enum refusal refusal, enum err_code code, const char *reason); /* r->problem */
void req_begin(struct req *r, handler_fn handler);

/* In server_queue.c. */
void queue_init(struct server *s);
void queue_free(struct server *s); /* its connections are closed */
bool queue_add(struct server *s, struct req *r); /* false: nobody waits here */
void queue_look(struct server *s); /* there may be room */

/* In server_reply.c. */
bool body_is_wanted(const struct server_conn *c);
void body_hand_on(struct server_conn *c, bool is_last); /* c->wire.piece */
void body_refuse(struct server_conn *c);                /* it is no good */
void flow_go_on(struct server_conn *c);                 /* output has gone */
void conn_drain(struct server_conn *c); /* closes it if it is idle and no request can be on its way; may free it */

#endif
