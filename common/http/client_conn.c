#include "http/client_conn.h"

#include "http/wire.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

enum { INTERIMS_MAX = 8 };

/* What reading says: more bytes are needed; go on with the next phase; the reply is whole; it is no good. */
enum reading { READ_MORE, READ_ON, READ_WHOLE, READ_BAD, READ_TOO_LARGE };

/* --- the end of a connection, or of an exchange on it ------------------------------------------------------------- */

void client_conn_close(struct client_conn *c)
{
    if (c->exchange) c->exchange->conn = NULL;
    if (c->pooled) origin_leave(c);
    bufferevent_free(c->bev);
    chunked_done(&c->chunked);
    free(c);
}

/* RFC 9110 9.2.2, RFC 9112 9.3.1: a pooled connection that the peer closed before it answered may have been stale; a
 * request that may be repeated, or was not sent at all, gets a second chance on a fresh one. */
static void conn_fail(struct client_conn *c, enum client_error error)
{
    struct exchange *x = c->exchange;
    bool may_retry = x && c->reused && !c->answered && !x->retried && (x->idempotent || !c->sent);
    bool was_lost = error == CLIENT_CLOSED;
    client_conn_close(c);
    if (!x) return;
    if (!may_retry || !was_lost) return exchange_fail(x, error);
    x->retried = true;
    client_conn_open(x);
}

static void conn_whole(struct client_conn *c, struct str body, size_t unread)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    struct exchange *x = c->exchange;
    /* Bytes after the reply, or a reply before the end of the request: nobody knows what comes next. */
    bool is_clean = evbuffer_get_length(in) == unread && evbuffer_get_length(bufferevent_get_output(c->bev)) == 0;
    x->reply.body = body;
    x->conn = NULL;
    c->exchange = NULL;
    exchange_end(x, CLIENT_OK); /* the body may still lie in `in` */
    evbuffer_drain(in, unread);
    if (is_clean && c->keep_alive) origin_keep(c->origin, c);
    else client_conn_close(c);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* RFC 9112 6.3 */
static enum reading body_begin(struct client_conn *c, const struct head *h)
{
    struct exchange *x = c->exchange;
    bool has_none = x->method == METHOD_HEAD || h->status == 204 || h->status == 304;
    c->left = has_none ? 0 : h->length;
    c->phase = REPLY_LENGTH;
    if (has_none) return READ_ON;
    if (h->has_length && h->length > x->reply_max) return READ_TOO_LARGE;
    if (h->has_length) return READ_ON;
    c->phase = h->chunked ? REPLY_CHUNKED : REPLY_TO_END;
    if (h->chunked) chunked_init(&c->chunked, x->reply_max);
    else c->keep_alive = false;
    return READ_ON;
}

static enum reading interim(struct client_conn *c, int status)
{
    return status == 101 || ++c->interims > INTERIMS_MAX ? READ_BAD : READ_ON;
}

static enum reading read_head(struct client_conn *c, struct evbuffer *in)
{
    struct exchange *x = c->exchange;
    struct head h;
    const char *reason;
    size_t len;
    if (evbuffer_get_length(in) == 0) return READ_MORE;
    struct str bytes = wire_head(in, &len);
    if (len == 0) return bytes.len < LIMIT_HEAD ? READ_MORE : READ_BAD;
    char *text = arena_alloc(&x->arena, len);
    evbuffer_remove(in, text, len);
    if (head_read_response(&h, (struct str){ text, len }, &reason) != E_OK) return READ_BAD;
    if (h.status < 200) return interim(c, h.status);
    struct header *headers = arena_array(&x->arena, struct header, h.header_count);
    memcpy(headers, h.headers, h.header_count * sizeof *headers);
    x->reply.status = h.status;
    x->reply.headers = headers;
    x->reply.header_count = h.header_count;
    c->keep_alive = h.keep_alive;
    return body_begin(c, &h);
}

static enum reading read_length(struct client_conn *c, struct evbuffer *in)
{
    return evbuffer_get_length(in) < c->left ? READ_MORE : READ_WHOLE;
}

static enum reading read_chunked(struct client_conn *c, struct evbuffer *in)
{
    static const enum reading results[] = {
        [CHUNKED_MORE] = READ_MORE,
        [CHUNKED_DONE] = READ_WHOLE,
        [CHUNKED_BAD] = READ_BAD,
        [CHUNKED_TOO_LARGE] = READ_TOO_LARGE,
    };
    return results[chunked_read(&c->chunked, in)];
}

static enum reading read_to_end(struct client_conn *c, struct evbuffer *in)
{
    c->left = evbuffer_get_length(in);
    return c->left > c->exchange->reply_max ? READ_TOO_LARGE : READ_MORE;
}

static struct str body_in(struct evbuffer *in, size_t len)
{
    return len ? (struct str){ (const char *)evbuffer_pullup(in, (ev_ssize_t)len), len } : STR("");
}

static void conn_read(struct client_conn *c)
{
    static enum reading (*const phases[])(struct client_conn *, struct evbuffer *) = {
        [REPLY_HEAD] = read_head,
        [REPLY_LENGTH] = read_length,
        [REPLY_CHUNKED] = read_chunked,
        [REPLY_TO_END] = read_to_end,
    };
    struct evbuffer *in = bufferevent_get_input(c->bev);
    enum reading r;
    do r = phases[c->phase](c, in);
    while (r == READ_ON);
    if (r == READ_BAD) return conn_fail(c, CLIENT_PROTOCOL);
    if (r == READ_TOO_LARGE) return conn_fail(c, CLIENT_TOO_LARGE);
    if (r == READ_MORE) return;
    if (c->phase == REPLY_CHUNKED) return conn_whole(c, buf_str(&c->chunked.body), 0);
    conn_whole(c, body_in(in, (size_t)c->left), (size_t)c->left);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
    struct client_conn *c = arg;
    (void)bev;
    if (!c->exchange) return client_conn_close(c); /* nobody asked */
    c->answered = true;
    conn_read(c);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Past libevent while the socket takes it: that saves two epoll_ctl() and one turn of the loop per request. */
static bool conn_write(struct client_conn *c, struct str bytes)
{
    ssize_t n = send(bufferevent_getfd(c->bev), bytes.p, bytes.len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
    size_t sent = n > 0 ? (size_t)n : 0;
    c->sent = sent > 0;
    if (sent == bytes.len) return true;
    /* By reference: the exchange outlives what it has to write, for its end closes the connection. */
    evbuffer_add_reference(bufferevent_get_output(c->bev), bytes.p + sent, bytes.len - sent, NULL, NULL);
    bufferevent_enable(c->bev, EV_WRITE);
    return true;
}

static void exchange_attach(struct exchange *x, struct client_conn *c)
{
    x->conn = c;
    c->exchange = x;
    c->phase = REPLY_HEAD;
    c->sent = c->answered = false;
    c->interims = 0;
    chunked_done(&c->chunked);
}

bool client_conn_reuse(struct client_conn *c, struct exchange *x)
{
    exchange_attach(x, c);
    c->reused = true;
    if (conn_write(c, x->bytes)) return true;
    client_conn_close(c);
    return false;
}

static void on_connected(struct client_conn *c)
{
    int one = 1;
    setsockopt(bufferevent_getfd(c->bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->connected = true;
    bufferevent_disable(c->bev, EV_WRITE); /* see conn_write() */
    bufferevent_enable(c->bev, EV_READ);
    if (!conn_write(c, c->exchange->bytes)) conn_fail(c, CLIENT_CLOSED);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct client_conn *c = arg;
    if (what & BEV_EVENT_CONNECTED) return on_connected(c);
    if (!c->exchange) return client_conn_close(c);
    if (!c->connected) return conn_fail(c, CLIENT_CONNECT);
    bool is_end = (what & BEV_EVENT_EOF) && c->phase == REPLY_TO_END;
    if (!is_end) return conn_fail(c, CLIENT_CLOSED);
    conn_whole(c, body_in(bufferevent_get_input(bev), (size_t)c->left), (size_t)c->left);
}

void client_conn_open(struct exchange *x)
{
    struct origin *o = x->origin;
    struct client_conn *c = calloc(1, sizeof *c);
    if (!c) abort();
    c->origin = o;
    c->bev = bufferevent_socket_new(o->client->base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!c->bev) abort();
    exchange_attach(x, c);
    bufferevent_setcb(c->bev, on_readable, NULL, on_event, c);
    int failed = o->address_len
                     ? bufferevent_socket_connect(c->bev, (struct sockaddr *)&o->address, (int)o->address_len)
                     : bufferevent_socket_connect_hostname(c->bev, o->client->dns, AF_UNSPEC, o->host, o->port);
    /* on_event() may have been called and closed the connection already */
    if (failed && x->conn) conn_fail(x->conn, CLIENT_CONNECT);
}
