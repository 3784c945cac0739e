#include "http/server.h"

#include "http/resolve.h"
#include "http/server_conn.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <evhtp.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* libevhtp 1.2.18 listens and accepts, and no more: it garbles a request line that arrives in pieces, takes malformed framing
 * for valid and answers one of three pipelined requests. In its post_accept hook we take the socket and let it drop the rest of
 * its connection; the bytes then go through http/stream and http/wire. */

enum {
    BACKLOG = 1024,
    ACCEPT_PAUSE_MS = 100, /* when the process is out of file descriptors */
    LINGER_MS = 2000,
    DRAIN_IDLE_MS = 2000,   /* for a request that is on its way when the server drains */
    DRAIN_ACCEPT_MS = 50,   /* for a handshake that is under way then */
};

/* --- accepting ---------------------------------------------------------------------------------------------------- */

/* The answer makes evhtp free its connection; without BEV_OPT_CLOSE_ON_FREE that leaves the socket alone. */
static evhtp_res after_accept(evhtp_connection_t *ev, void *arg)
{
    char peer[ADDRESS_TEXT];
    address_text(ev->saddr, peer);
    conn_open(arg, bufferevent_getfd(ev->bev), peer);
    return EVHTP_RES_ERROR;
}

/* Out of file descriptors the listener would report readable for ever: leave it for a moment. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct server *s = ((evhtp_t *)arg)->arg;
    struct timeval pause = { 0, ACCEPT_PAUSE_MS * 1000 };
    evconnlistener_disable(listener);
    evtimer_add(s->accept_again, &pause);
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
    struct server *s = arg;
    (void)fd, (void)what;
    if (s->htp->server) evconnlistener_enable(s->htp->server);
}

struct lookup {
    int fd;
    const struct event *found;
};

static int has_fd(const struct event_base *base, const struct event *e, void *arg)
{
    struct lookup *l = arg;
    (void)base;
    if (event_get_fd(e) == l->fd) l->found = e;
    return l->found != NULL;
}

/* Connections that the kernel has accepted for us would be reset with the socket: libevent's own callback takes them first. */
static void accept_pending(struct server *s)
{
    struct lookup l = { s->htp->server ? evconnlistener_get_fd(s->htp->server) : -1, NULL };
    if (l.fd >= 0) event_base_foreach_event(s->base, has_fd, &l);
    if (l.found) event_get_callback(l.found)(l.fd, EV_READ, event_get_callback_arg(l.found));
}

static void on_accept_end(evutil_socket_t fd, short what, void *arg)
{
    struct server *s = arg;
    (void)fd, (void)what;
    accept_pending(s);
    evhtp_unbind_socket(s->htp);
}

/* --- the listening socket ----------------------------------------------------------------------------------------- */

static int port_of(int fd)
{
    struct address own = { .len = sizeof own.sa };
    return getsockname(fd, (struct sockaddr *)&own.sa, &own.len) == 0 ? address_port(&own) : 0;
}

static int close_failed(int fd)
{
    int cause = errno;
    close(fd);
    return errno = cause, -1;
}

/* Accepted sockets inherit TCP_NODELAY. "::" takes IPv4 too (evhtp_bind_socket would not). */
static int socket_open(const char *address, int port, int is_shared)
{
    struct address own;
    if (!address_read(address, port, &own)) return errno = EINVAL, -1;
    int fd = socket(own.sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, zero = 0;
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &is_shared, sizeof is_shared);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (own.sa.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    return bind(fd, (struct sockaddr *)&own.sa, own.len) == 0 ? fd : close_failed(fd);
}

/* With SO_REUSEADDR, which what is left of former connections asks for, only a listening socket keeps the next one away. */
int server_claim(const char *address, int port)
{
    int fd = socket_open(address, port, false);
    return fd < 0 || listen(fd, 0) == 0 ? fd : close_failed(fd);
}

static bool server_listen(struct server *s)
{
    int fd = socket_open(s->config.address, s->config.port, true);
    if (fd < 0) return false;
    if (evhtp_accept_socket(s->htp, fd, BACKLOG) != 0) return close_failed(fd), false;
    s->port = port_of(fd);
    evconnlistener_set_error_cb(s->htp->server, on_accept_error);
    return true;
}

/* --- the server --------------------------------------------------------------------------------------------------- */

static int or_usual(int limit, int usual)
{
    return limit ? limit : usual;
}

void server_set_limits(struct server *s, const struct server_limits *l)
{
    struct server_limits *own = &s->config.limits;
    *own = (struct server_limits){
        .head_max = or_usual(l->head_max, LIMIT_HEAD),
        .headers_max = or_usual(l->headers_max, LIMIT_HEADERS),
        .target_max = or_usual(l->target_max, LIMIT_TARGET),
        .body_max = or_usual(l->body_max, LIMIT_BODY),
        .head_ms = or_usual(l->head_ms, LIMIT_HEAD_MS),
        .idle_ms = or_usual(l->idle_ms, LIMIT_IDLE_MS),
        .body_ms = or_usual(l->body_ms, LIMIT_BODY_MS),
        .body_rate = or_usual(l->body_rate, LIMIT_BODY_RATE),
        .requests_max = or_usual(l->requests_max, LIMIT_REQUESTS),
        .queue_ms = l->queue_ms < 0 ? 0 : or_usual(l->queue_ms, LIMIT_QUEUE_MS),
    };
    bool is_inner = s->config.is_inner;
    s->wire_limits = (struct wire_limits){
        .head = (size_t)own->head_max + (is_inner ? LIMIT_HEAD_ADDED : 0),
        .headers = (size_t)own->headers_max + (is_inner ? LIMIT_HEADERS_ADDED : 0),
        .target = (size_t)own->target_max,
        .body = (size_t)own->body_max,
        .window = s->config.window,
    };
    s->limits_ms[HANDSHAKE] = s->limits_ms[HEAD] = own->head_ms;
    s->limits_ms[BODY] = own->body_ms;
    s->limits_ms[IDLE] = own->idle_ms;
    s->limits_ms[LINGER] = LINGER_MS;
    if (s->draining) s->limits_ms[HANDSHAKE] = s->limits_ms[IDLE] = DRAIN_IDLE_MS;
}

static evhtp_t *htp_new(struct server *s)
{
    evhtp_t *htp = evhtp_new(s->base, s);
    if (!htp) abort();
    evhtp_set_bev_flags(htp, 0);
    evhtp_set_post_accept_cb(htp, after_accept, s);
    return htp;
}

struct server *server_new(struct event_base *base, const struct server_config *config)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s) abort();
    signal(SIGPIPE, SIG_IGN); /* a client that is gone is an error of write(), no more */
    s->base = base;
    s->config = *config;
    server_set_limits(s, &config->limits);
    LIST_INIT(&s->conns);
    queue_init(s);
    s->htp = htp_new(s);
    s->accept_again = evtimer_new(base, on_accept_again, s);
    s->accept_end = evtimer_new(base, on_accept_end, s);
    if (!s->accept_again || !s->accept_end) abort();
    if (server_listen(s)) return s;
    int cause = errno;
    server_free(s);
    return errno = cause, NULL;
}

int server_port(const struct server *s)
{
    return s->port;
}

size_t server_connections(const struct server *s)
{
    return s->count;
}

bool server_is_busy(const struct server *s)
{
    return s->count || s->htp->server;
}

void server_set_tls(struct server *s, void *tls)
{
    s->config.tls = tls;
}

/* To close a listening socket resets the connections whose handshake has begun, though their clients may have been told that they
 * are connected. So from now on the kernel drops every SYN for it (those clients try again, here or elsewhere); what has begun is
 * taken, and then nobody is left to be reset. The program sees the TCP header: byte 13 holds the flags (RFC 9293 3.1). Where the kernel
 * refuses an ordinary user a filter, newcomers are taken in that time, too. */
static void refuse_newcomers(struct server *s)
{
    struct sock_filter drop_syn[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = { sizeof drop_syn / sizeof *drop_syn, drop_syn };
    setsockopt(evconnlistener_get_fd(s->htp->server), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

void server_drain(struct server *s)
{
    static const struct timeval while_accepting = { 0, DRAIN_ACCEPT_MS * 1000 };
    s->draining = true;
    s->limits_ms[HANDSHAKE] = s->limits_ms[IDLE] = DRAIN_IDLE_MS;
    refuse_newcomers(s);
    evtimer_add(s->accept_end, &while_accepting);
    for (struct server_conn *c = LIST_FIRST(&s->conns), *next; c; c = next) {
        next = LIST_NEXT(c, link);
        conn_drain(c);
    }
}

void server_free(struct server *s)
{
    if (!s) return;
    evhtp_unbind_socket(s->htp);
    while (!LIST_EMPTY(&s->conns)) conn_close(LIST_FIRST(&s->conns));
    queue_free(s);
    evhtp_free(s->htp);
    event_free(s->accept_again);
    event_free(s->accept_end);
    s->is_freed = true;
    if (!s->in_flight) free(s); /* else the last request does */
}
