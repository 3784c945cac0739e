#include "http/client.h"

#include "base/clock.h"
#include "http/client_conn.h"

#include <signal.h>
#include <stdlib.h>

/* Less than the peer's own limit, so that we close first and rarely meet a connection that has just been closed. */
enum { IDLE_MS = LIMIT_IDLE_MS - 15 * 1000, SWEEP_S = 10 };

/* --- the bytes of a request --------------------------------------------------------------------------------------- */

static bool has_control(struct str s, char least)
{
    for (size_t i = least > ' ' ? 0 : str_clean_span(s); i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < (unsigned char)least && c != '\t') || c == 0x7f) return true;
    }
    return false;
}

/* Nothing that could end a line early may come through from another message. */
static bool request_is_clean(const struct client_request *q)
{
    if (q->target.len == 0 || has_control(q->target, '!') || memchr(q->target.p, '\t', q->target.len)) return false;
    for (size_t i = 0; i < q->header_count; i++)
        if (q->headers[i].name.len == 0 || has_control(q->headers[i].name, '!') || has_control(q->headers[i].value, ' '))
            return false;
    return true;
}

/* RFC 9110 8.6: a method that gives a body a meaning says so even when there is none. */
static bool needs_length(const struct client_request *q)
{
    return q->body.len || q->body_follows || q->method == METHOD_POST || q->method == METHOD_PUT || q->method == METHOD_PATCH;
}

static char *put(char *to, struct str s)
{
    if (s.len) memcpy(to, s.p, s.len);
    return to + s.len;
}

static char *put_header(char *to, struct str name, struct str value)
{
    return put(put(put(put(to, name), STR(": ")), value), STR("\r\n"));
}

static char *put_framing(char *to, struct arena *a, const struct client_request *q)
{
    if (!needs_length(q)) return to;
    if (q->body_follows && q->body_length < 0) return put_header(to, STR("Transfer-Encoding"), STR("chunked"));
    uint64_t length = q->body_follows ? (uint64_t)q->body_length : q->body.len;
    return put_header(to, STR("Content-Length"), arena_printf(a, "%llu", (unsigned long long)length));
}

static char *put_body(char *to, const struct client_request *q)
{
    char head[CHUNK_HEAD];
    bool is_chunk = q->body_follows && q->body_length < 0 && q->body.len;
    if (!is_chunk) return put(to, q->body);
    return put(put(put(to, chunk_head(q->body.len, head)), q->body), STR("\r\n"));
}

static struct str request_write(struct arena *a, const struct origin *o, const struct client_request *q)
{
    struct str method = method_names[q->method];
    size_t room = 192 + q->target.len + o->authority.len + q->body.len;
    for (size_t i = 0; i < q->header_count; i++) room += q->headers[i].name.len + q->headers[i].value.len + 4;
    char *start = arena_alloc(a, room), *to = start;
    to = put(put(put(put(to, method), STR(" ")), q->target), STR(" HTTP/1.1\r\n"));
    to = put_header(to, STR("Host"), o->authority);
    for (size_t i = 0; i < q->header_count; i++) to = put_header(to, q->headers[i].name, q->headers[i].value);
    to = put_framing(to, a, q);
    to = put_body(put(to, STR("\r\n")), q);
    return (struct str){ start, (size_t)(to - start) };
}

/* --- exchanges ---------------------------------------------------------------------------------------------------- */

static void on_exchange_timer(evutil_socket_t fd, short what, void *arg)
{
    struct exchange *x = arg;
    (void)fd, (void)what;
    struct client_conn *c = x->conn;
    enum client_error error = x->reply.error ? x->reply.error : c && !c->connected ? CLIENT_CONNECT : CLIENT_TIMEOUT;
    if (c) client_conn_close(c);
    exchange_end(x, error);
}

void exchange_fail(struct exchange *x, enum client_error error)
{
    x->reply.error = error;
    event_active(&x->timer, EV_TIMEOUT, 1);
}

static void exchange_forget(struct exchange *x)
{
    x->origin->in_flight--;
    LIST_REMOVE(x, link);
    event_del(&x->timer);
}

static void exchange_free(struct exchange *x)
{
    struct arena arena = x->arena; /* it lies in its own */
    arena_done(&arena);
}

void exchange_end(struct exchange *x, enum client_error error)
{
    x->reply.error = error;
    exchange_forget(x);
    x->done(x->arg, &x->reply);
    exchange_free(x);
}

void client_abort(struct exchange *x)
{
    x->is_aborted = true;
    if (x->is_inside) return; /* whoever called out sees to it */
    if (x->conn) client_conn_close(x->conn);
    exchange_forget(x);
    exchange_free(x);
}

void exchange_time(struct exchange *x)
{
    struct timeval timeout = { x->timeout_ms / 1000, x->timeout_ms % 1000 * 1000 };
    evtimer_add(&x->timer, &timeout);
}

static struct exchange *exchange_new(struct origin *o, const struct client_request *q, client_done_fn done, void *arg)
{
    struct arena arena;
    arena_init(&arena);
    struct exchange *x = arena_new(&arena, struct exchange);
    x->arena = arena;
    x->origin = o;
    x->method = q->method;
    x->reply_max = q->reply_max;
    x->reply.length = -1;
    x->timeout_ms = q->timeout_ms;
    x->flow = q->flow;
    x->body_follows = q->body_follows;
    x->body_is_chunked = q->body_follows && q->body_length < 0;
    x->idempotent = q->idempotent;
    x->done = done;
    x->arg = arg;
    LIST_INSERT_HEAD(&o->client->exchanges, x, link);
    o->in_flight++;
    evtimer_assign(&x->timer, o->client->base, on_exchange_timer, x);
    return x;
}

/* --- the pool ----------------------------------------------------------------------------------------------------- */

void origin_leave(struct client_conn *c)
{
    LIST_REMOVE(c, link);
    c->pooled = false;
    c->origin->idle_count--;
}

void client_sweep_later(struct client *client)
{
    struct timeval sweep = { SWEEP_S, 0 };
    if (!evtimer_pending(client->sweep, NULL)) evtimer_add(client->sweep, &sweep);
}

void origin_keep(struct origin *o, struct client_conn *c)
{
    if (o->idle_count == LIMIT_UPSTREAM_IDLE) return client_conn_close(c);
    c->pooled = true;
    c->idle_us = clock_us();
    LIST_INSERT_HEAD(&o->idle, c, link);
    o->idle_count++;
    client_sweep_later(o->client);
}

static void origin_sweep(struct origin *o, uint64_t idle_since)
{
    for (struct client_conn *c = LIST_FIRST(&o->idle), *next; c; c = next) {
        next = LIST_NEXT(c, link);
        if (c->idle_us < idle_since) client_conn_close(c);
    }
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct client *client = arg;
    uint64_t now = clock_us(), idle_us = (uint64_t)IDLE_MS * 1000;
    bool is_needed = false;
    (void)fd, (void)what;
    for (struct origin *o = LIST_FIRST(&client->origins), *next; o; o = next) {
        next = LIST_NEXT(o, link);
        if (now > idle_us) origin_sweep(o, now - idle_us);
        if (!o->holds && !o->in_flight) origin_free(o);
        else is_needed |= o->idle_count > 0 || !o->holds;
    }
    if (is_needed) client_sweep_later(client);
}

static void exchange_start(struct exchange *x)
{
    struct origin *o = x->origin;
    exchange_time(x);
    for (struct client_conn *c; (c = LIST_FIRST(&o->idle));) {
        origin_leave(c);
        if (client_conn_reuse(c, x)) return;
    }
    client_conn_open(x);
}

struct exchange *client_send(struct origin *o, const struct client_request *q, client_done_fn done, void *arg)
{
    struct exchange *x = exchange_new(o, q, done, arg);
    if (!request_is_clean(q)) return exchange_fail(x, CLIENT_PROTOCOL), x;
    if (o->in_flight > LIMIT_UPSTREAM_QUEUE) return exchange_fail(x, CLIENT_BUSY), x;
    x->bytes = request_write(&x->arena, o, q);
    exchange_start(x);
    return x;
}

/* --- the client --------------------------------------------------------------------------------------------------- */

struct client *client_new(struct event_base *base)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c) abort();
    signal(SIGPIPE, SIG_IGN);
    c->base = base;
    c->resolver = resolver_new(base);
    LIST_INIT(&c->origins);
    LIST_INIT(&c->exchanges);
    c->sweep = evtimer_new(base, on_sweep, c);
    if (!c->sweep) abort();
    return c;
}

void client_set_tls(struct client *c, void *tls)
{
    c->tls = tls;
}

struct resolver *client_resolver(struct client *c)
{
    return c->resolver;
}

void client_end(struct client *c)
{
    for (struct exchange *x; (x = LIST_FIRST(&c->exchanges));) {
        if (x->conn) client_conn_close(x->conn);
        exchange_end(x, CLIENT_CLOSED);
    }
}

void client_free(struct client *c)
{
    if (!c) return;
    client_end(c);
    for (struct origin *o; (o = LIST_FIRST(&c->origins));) origin_free(o);
    event_free(c->sweep);
    resolver_free(c->resolver);
    free(c);
}
