#include "http/server.h"

#include "http/server_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <evhtp.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* How libevhtp 1.2.18 is kept behind our own reader: it garbles a request line that arrives in pieces, takes malformed
 * framing for valid and answers one of three pipelined requests. So in its post_accept hook its callbacks on the
 * connection's bufferevent give way to ours, the bytes go through http/wire, and for each whole request evhtp's own
 * read callback gets one canonical request without a body, from a bufferevent that is connected to nothing. Since we
 * decide when it reads, there is nothing to pause or to resume. */

enum {
    BACKLOG = 1024,
    ACCEPT_PAUSE_MS = 100, /* when the process is out of file descriptors */
    LINGER_MS = 2000,
    DRAIN_IDLE_MS = 500, /* for a request that is on its way when the server drains */
};

/* --- a request, as evhtp sees it ---------------------------------------------------------------------------------- */

/* evhtp's callback for every request only notes it: the work begins when evhtp's reader has returned. */
static void on_turn(evhtp_request_t *turn, void *arg)
{
    ((struct server *)arg)->turn = turn;
}

void turn_begin(struct server_conn *c, enum method method)
{
#define CANONICAL(name) { name " / HTTP/1.1\r\nHost: -\r\n\r\n", sizeof name " / HTTP/1.1\r\nHost: -\r\n\r\n" - 1 }
    static const struct str canonical[METHOD_COUNT] = {
        [METHOD_GET] = CANONICAL("GET"),         [METHOD_HEAD] = CANONICAL("HEAD"),
        [METHOD_POST] = CANONICAL("POST"),       [METHOD_PUT] = CANONICAL("PUT"),
        [METHOD_PATCH] = CANONICAL("PATCH"),     [METHOD_DELETE] = CANONICAL("DELETE"),
        [METHOD_OPTIONS] = CANONICAL("OPTIONS"),
    };
#undef CANONICAL
    struct server *s = c->server;
    s->turn = NULL;
    evbuffer_add(bufferevent_get_input(s->feed), canonical[method].p, canonical[method].len);
    c->ev_read(s->feed, c->ev);
    if (!s->turn) abort(); /* evhtp frees a connection by itself only after bad input */
    c->turn = s->turn;
}

/* evhtp_send_reply() would give a length to 204, a type to everything, and call 422 and 429 "UNKNOWN". */
void turn_answer(struct server_conn *c, struct evbuffer *bytes)
{
    evhtp_send_reply_body(c->turn, bytes);
    evhtp_send_reply_end(c->turn);
}

/* When the reply is out, evhtp's write callback frees its request and readies its parser. */
void turn_end(struct server_conn *c)
{
    if (c->turn) c->ev_write(c->bev, c->ev);
    c->turn = NULL;
}

void turn_close(struct server_conn *c)
{
    bool is_tls = c->ssl != NULL;
    evhtp_connection_free(c->ev);
    /* What SSL_shutdown leaves in the thread's error queue would be taken for the next connection's error. */
    if (is_tls) ERR_clear_error();
}

/* --- accepting ---------------------------------------------------------------------------------------------------- */

static evhtp_res before_accept(evhtp_connection_t *ev, void *arg)
{
    struct server *s = arg;
    (void)ev;
    return s->count < LIMIT_CONNECTIONS ? EVHTP_RES_OK : EVHTP_RES_ERROR;
}

static void peer_text(const struct sockaddr *sa, char out[INET6_ADDRSTRLEN])
{
    static const char v4_mapped[12] = { [10] = (char)0xff, [11] = (char)0xff };
    const struct sockaddr_in6 *six = (const void *)sa;
    const struct sockaddr_in *four = (const void *)sa;
    if (sa->sa_family == AF_INET) inet_ntop(AF_INET, &four->sin_addr, out, INET6_ADDRSTRLEN);
    else if (memcmp(&six->sin6_addr, v4_mapped, sizeof v4_mapped) == 0)
        inet_ntop(AF_INET, (const char *)&six->sin6_addr + sizeof v4_mapped, out, INET6_ADDRSTRLEN);
    else inet_ntop(AF_INET6, &six->sin6_addr, out, INET6_ADDRSTRLEN);
}

static evhtp_res after_accept(evhtp_connection_t *ev, void *arg)
{
    struct server_conn *c = calloc(1, sizeof *c);
    bufferevent_event_cb ev_event;
    void *ev_arg;
    if (!c) return EVHTP_RES_ERROR;
    c->server = arg;
    c->ev = ev;
    c->bev = ev->bev;
    c->ssl = ev->ssl;
    peer_text(ev->saddr, c->peer);
    bufferevent_getcb(ev->bev, &c->ev_read, &c->ev_write, &ev_event, &ev_arg);
    conn_begin(c);
    return EVHTP_RES_OK;
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

/* --- the listening socket ----------------------------------------------------------------------------------------- */

static bool address_read(const char *address, int port, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    struct sockaddr_in *four = (void *)ret;
    struct sockaddr_in6 *six = (void *)ret;
    memset(ret, 0, sizeof *ret);
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        *ret_len = sizeof *four;
        return true;
    }
    if (inet_pton(AF_INET6, address, &six->sin6_addr) != 1) return false;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)port);
    *ret_len = sizeof *six;
    return true;
}

static int port_of(int fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0) return 0;
    return ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port : ((struct sockaddr_in6 *)&sa)->sin6_port);
}

/* Accepted sockets inherit TCP_NODELAY. "::" takes IPv4 too (evhtp_bind_socket would not). */
static int socket_open(const char *address, int port)
{
    static const struct { int level, name; } on[] = {
        { SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_REUSEPORT }, { IPPROTO_TCP, TCP_NODELAY },
    };
    struct sockaddr_storage sa;
    socklen_t len;
    if (!address_read(address, port, &sa, &len)) return errno = EINVAL, -1;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, zero = 0;
    if (fd < 0) return -1;
    for (size_t i = 0; i < sizeof on / sizeof *on; i++) setsockopt(fd, on[i].level, on[i].name, &one, sizeof one);
    if (sa.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind(fd, (struct sockaddr *)&sa, len) == 0) return fd;
    int cause = errno;
    close(fd);
    return errno = cause, -1;
}

static bool server_listen(struct server *s)
{
    int fd = socket_open(s->config.address, s->config.port);
    if (fd < 0) return false;
    if (evhtp_accept_socket(s->htp, fd, BACKLOG) != 0) {
        int cause = errno;
        close(fd);
        return errno = cause, false;
    }
    s->port = port_of(fd);
    evconnlistener_set_error_cb(s->htp->server, on_accept_error);
    return true;
}

/* --- the server --------------------------------------------------------------------------------------------------- */

static void limits_set(struct server *s)
{
    const struct server_config *c = &s->config;
    int head_ms = c->head_ms ? c->head_ms : LIMIT_HEAD_MS;
    const int limits_ms[PHASE_COUNT] = {
        [HANDSHAKE] = head_ms,
        [HEAD] = head_ms,
        [BODY] = c->body_ms ? c->body_ms : LIMIT_BODY_MS,
        [IDLE] = c->idle_ms ? c->idle_ms : LIMIT_IDLE_MS,
        [LINGER] = LINGER_MS,
    };
    memcpy(s->limits_ms, limits_ms, sizeof limits_ms);
}

static evhtp_t *htp_new(struct server *s)
{
    evhtp_t *htp = evhtp_new(s->base, s);
    if (!htp) abort();
    htp->ssl_ctx = s->config.tls;
    evhtp_set_bev_flags(htp, BEV_OPT_CLOSE_ON_FREE);
    evhtp_set_gencb(htp, on_turn, s);
    evhtp_set_pre_accept_cb(htp, before_accept, s);
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
    limits_set(s);
    LIST_INIT(&s->conns);
    s->htp = htp_new(s);
    s->feed = bufferevent_socket_new(base, -1, 0);
    s->answer = evbuffer_new();
    s->accept_again = evtimer_new(base, on_accept_again, s);
    if (!s->feed || !s->answer || !s->accept_again) abort();
    evbuffer_unfreeze(bufferevent_get_input(s->feed), 0);
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

void server_drain(struct server *s)
{
    s->draining = true;
    s->limits_ms[HANDSHAKE] = s->limits_ms[IDLE] = DRAIN_IDLE_MS;
    accept_pending(s);
    evhtp_unbind_socket(s->htp);
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
    s->htp->ssl_ctx = NULL; /* borrowed; evhtp would free it */
    evhtp_free(s->htp);
    bufferevent_free(s->feed);
    evbuffer_free(s->answer);
    event_free(s->accept_again);
    free(s);
}
