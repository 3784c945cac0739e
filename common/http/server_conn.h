/* server_conn: one client connection, from its first byte to its last. Private to http/server.
 *
 * server.c listens and accepts; server_conn.c reads, begins and answers requests, one at a time and in order, and ends
 * the connection. */
#ifndef HTTP_SERVER_CONN_H
#define HTTP_SERVER_CONN_H

#include "http/resolve.h"
#include "http/server.h"
#include "http/stream.h"
#include "http/wire.h"

#include <sys/queue.h>

/* What a connection waits for; each phase but BUSY has a time limit that runs from its begin. */
enum phase { HANDSHAKE, IDLE, HEAD, BODY, BUSY, LINGER, PHASE_COUNT };

struct server {
    struct event_base *base;
    struct server_config config;
    int limits_ms[PHASE_COUNT];
    struct evhtp *htp;
    struct event *accept_again;
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
    struct wire wire;
    enum phase phase;
    struct event timer;
    uint64_t deadline_us, timer_us; /* of the phase; when the timer fires (never later). 0: none */
    size_t lingered;
    bool running, closing;
    bool has_asked; /* at least one request has come */
    char peer[ADDRESS_TEXT];
};

/* Takes an accepted socket into service. */
void conn_open(struct server *s, int fd, const char *peer);
void conn_close(struct server_conn *c); /* ends it at once and frees it */
void conn_drain(struct server_conn *c); /* closes it if it is idle and no request can be on its way; may free it */

#endif
