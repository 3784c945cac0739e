#include "channel.h"

#include "mix.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { ROOM = 64 * 1024 };

static const uint32_t ENDING = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

/* --- sockets ------------------------------------------------------------------------------------------------------ */

enum { IO_BLOCKED = -1, IO_FAILED = -2 };

/* Bytes, 0 at the end of the stream, IO_BLOCKED or IO_FAILED. */
static ssize_t tls_result(struct channel *c, int n)
{
    if (n > 0) return n;
    int cause = SSL_get_error(c->ssl, n);
    ERR_clear_error();
    if (cause == SSL_ERROR_WANT_READ || cause == SSL_ERROR_WANT_WRITE) return IO_BLOCKED;
    return cause == SSL_ERROR_ZERO_RETURN ? 0 : IO_FAILED;
}

static ssize_t plain_result(ssize_t n)
{
    if (n >= 0) return n;
    return errno == EAGAIN ? IO_BLOCKED : IO_FAILED;
}

static ssize_t channel_read(struct channel *c, char *room, size_t n)
{
    return c->ssl ? tls_result(c, SSL_read(c->ssl, room, (int)n)) : plain_result(recv(c->fd, room, n, 0));
}

static ssize_t channel_write(struct channel *c, struct str s)
{
    return c->ssl ? tls_result(c, SSL_write(c->ssl, s.p, (int)s.len)) : plain_result(send(c->fd, s.p, s.len, MSG_NOSIGNAL));
}

/* --- opening and closing ------------------------------------------------------------------------------------------ */

void channel_init(struct channel *c, int address)
{
    *c = (struct channel){ .fd = -1, .address = address };
    buf_init(&c->unsent, MIX_MESSAGE_MAX);
}

static bool tls_begin(struct channel *c, const struct origin *o)
{
    c->ssl = SSL_new(o->tls);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1) return false;
    SSL_set_tlsext_host_name(c->ssl, o->host);
    SSL_set_mode(c->ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_read_ahead(c->ssl, 1); /* header and body of a record in one recv */
    SSL_set_connect_state(c->ssl);
    return true;
}

/* The kernel chooses the port when it knows the other end too: so many connections for each of our addresses. */
static bool address_bind(const struct channel *c, const struct origin *o)
{
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)c->address) };
    int one = 1;
    if (!c->address || o->address.ss_family != AF_INET) return true;
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    return bind(c->fd, (const struct sockaddr *)&from, sizeof from) == 0;
}

bool channel_open(struct channel *c, const struct origin *o, int epoll)
{
    int one = 1;
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c };
    c->fd = socket(o->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    c->state = CHANNEL_CONNECTING;
    if (c->fd < 0) return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (c->receive_buffer) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &c->receive_buffer, sizeof c->receive_buffer);
    if (!address_bind(c, o)) return false;
    if (connect(c->fd, (const struct sockaddr *)&o->address, o->address_len) != 0 && errno != EINPROGRESS) return false;
    return (!o->tls || tls_begin(c, o)) && epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e) == 0;
}

void channel_close(struct channel *c)
{
    if (c->ssl) SSL_free(c->ssl);
    if (c->fd >= 0) close(c->fd);
    c->ssl = NULL;
    c->fd = -1;
    c->state = CHANNEL_CLOSED;
    buf_clear(&c->unsent);
    c->unsent_at = 0;
}

bool channel_is_coming(const struct channel *c)
{
    return c->state == CHANNEL_CONNECTING || c->state == CHANNEL_SHAKING;
}

void channel_done(struct channel *c)
{
    channel_close(c);
    buf_done(&c->unsent);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static bool unsent_send(struct channel *c)
{
    struct str rest = str_sub(buf_str(&c->unsent), c->unsent_at, c->unsent.len);
    ssize_t n = channel_write(c, rest);
    if (n == IO_BLOCKED) return true;
    if (n <= 0) return false;
    c->unsent_at += (size_t)n;
    if (c->unsent_at < c->unsent.len) return true; /* EPOLLOUT follows */
    buf_clear(&c->unsent);
    c->unsent_at = 0;
    return true;
}

bool channel_send_more(struct channel *c, struct str piece)
{
    ssize_t n = c->unsent.len ? IO_BLOCKED : channel_write(c, piece);
    if (n == IO_BLOCKED) n = 0;
    else if (n <= 0) return false;
    if ((size_t)n < piece.len) buf_add(&c->unsent, str_sub(piece, (size_t)n, piece.len));
    return buf_ok(&c->unsent);
}

bool channel_send(struct channel *c, struct str request, bool is_head)
{
    response_begin(&c->response, is_head);
    c->state = CHANNEL_BUSY;
    return channel_send_more(c, request);
}

/* --- what happens ------------------------------------------------------------------------------------------------- */

static enum channel_event shake(struct channel *c)
{
    c->state = CHANNEL_SHAKING;
    int n = c->ssl ? SSL_do_handshake(c->ssl) : 1;
    if (n != 1) return tls_result(c, n) == IO_BLOCKED ? CHANNEL_WAIT : CHANNEL_UNOPENED;
    c->state = CHANNEL_IDLE;
    return CHANNEL_OPENED;
}

static enum channel_event connected(struct channel *c, uint32_t events)
{
    if (events & (EPOLLERR | EPOLLHUP)) return CHANNEL_UNOPENED;
    return events & EPOLLOUT ? shake(c) : CHANNEL_WAIT;
}

static enum channel_event ended(struct channel *c)
{
    if (c->state == CHANNEL_IDLE) return CHANNEL_DROPPED;
    return response_end(&c->response) ? CHANNEL_REPLIED : CHANNEL_BROKEN;
}

static enum channel_event fed(struct channel *c, struct str piece, uint32_t events)
{
    if (c->state == CHANNEL_IDLE) return CHANNEL_GARBLED;
    size_t used = response_feed(&c->response, piece);
    if (c->response.state == RESPONSE_BROKEN) return CHANNEL_GARBLED;
    if (c->response.state != RESPONSE_DONE) return CHANNEL_WAIT;
    if (used < piece.len) return CHANNEL_GARBLED;
    if (events & ENDING) c->response.closes = true;
    c->state = CHANNEL_IDLE;
    return CHANNEL_REPLIED;
}

/* Reads until the reply is whole or the socket is empty, which a short read says too: no second recv then. */
static enum channel_event receive(struct channel *c, uint32_t events)
{
    static char room[ROOM];
    for (;;) {
        ssize_t n = channel_read(c, room, ROOM);
        if (n == IO_BLOCKED) return CHANNEL_WAIT;
        if (n <= 0) return ended(c);
        enum channel_event e = fed(c, (struct str){ room, (size_t)n }, events);
        if (e != CHANNEL_WAIT || (!c->ssl && n < ROOM && !(events & ENDING))) return e;
    }
}

enum channel_event channel_sip(struct channel *c, size_t most)
{
    char room[ROOM];
    ssize_t n = channel_read(c, room, most < ROOM ? most : ROOM);
    if (n == IO_BLOCKED) return CHANNEL_WAIT;
    return n <= 0 ? ended(c) : fed(c, (struct str){ room, (size_t)n }, 0);
}

enum channel_event channel_handle(struct channel *c, uint32_t events)
{
    if (c->state == CHANNEL_CLOSED) return CHANNEL_WAIT;
    if (c->state == CHANNEL_CONNECTING) return connected(c, events);
    if (c->state == CHANNEL_SHAKING) return shake(c);
    if (c->unsent.len && !unsent_send(c)) return CHANNEL_BROKEN;
    return receive(c, events);
}
