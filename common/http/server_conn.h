/* server_conn: one client connection, from its first byte to its last. Private to http/server.
 *
 * server.c accepts connections and is the side towards libevhtp; server_conn.c reads, begins and answers requests,
 * one at a time and in order, and ends the connection. */
#ifndef HTTP_SERVER_CONN_H
#define HTTP_SERVER_CONN_H

#include "http/server.h"
#include "http/wire.h"

#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <sys/queue.h>

/* What a connection waits for; each phase but BUSY has a time limit that runs from its begin. */
enum phase { HANDSHAKE, IDLE, HEAD, BODY, BUSY, LINGER, PHASE_COUNT };

struct server {
    struct event_base *base;
    struct server_config config;
    int limits_ms[PHASE_COUNT];
    struct evhtp *htp;
    struct bufferevent *feed;    /* carries canonical requests to evhtp; connected to nothing */
    struct evhtp_request *turn;  /* what evhtp's callback got last */
    struct evbuffer *answer;     /* a reply being written; empty in between */
    struct event *accept_again;
    LIST_HEAD(, server_conn) conns;
    size_t count;
    int port;
    bool draining;
};

struct server_conn {
    LIST_ENTRY(server_conn) link;
    struct server *server;
    struct evhtp_connection *ev; /* owns bev and ssl */
    struct bufferevent *bev;
    struct ssl_st *ssl; /* NULL: plain */
    bufferevent_data_cb ev_read, ev_write;
    struct evhtp_request *turn; /* evhtp's side of the request under way */
    struct req *req;            /* under way; NULL between requests */
    bool keep_alive, is_1_0;    /* of that request */
    struct wire wire;
    enum phase phase;
    struct event *timer;
    uint64_t deadline_us, timer_us; /* of the phase; when the timer fires (never later). 0: none */
    size_t lingered;
    bool running, at_eof, closing;
    bool has_asked;                 /* at least one request has come */
    char peer[INET6_ADDRSTRLEN];
};

/* In server_conn.c. conn_begin() takes the connection into service; conn_close() ends it at once and frees it. */
void conn_begin(struct server_conn *c);
void conn_close(struct server_conn *c);
void conn_drain(struct server_conn *c); /* closes it if it is idle and no request can be on its way; may free it */

/* In server.c: evhtp's part in a request and in a connection's end. */
void turn_begin(struct server_conn *c, enum method method);
void turn_answer(struct server_conn *c, struct evbuffer *bytes);
void turn_end(struct server_conn *c);
void turn_close(struct server_conn *c); /* frees bev, socket, TLS and evhtp's objects */

#endif
