#include "http/server_conn.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "http/answer.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum {
    INPUT_MAX = 64 * 1024,        /* read ahead while nothing can be begun */
    OUTPUT_MAX = 256 * 1024,      /* replies that the client has not taken, before the next request is begun */
    LINGER_MAX = 4 * 1024 * 1024, /* read and dropped after the last reply */
    STALL_S = 30,                 /* without taking a byte of its reply a client is gone */
    REQUEST_ID_MAX = 128,
};

static void conn_run(struct server_conn *c);

/* --- timers: absolute, so that a byte now and then gains a client nothing ----------------------------------------- */

static void timer_start(struct server_conn *c, uint64_t now)
{
    uint64_t wait = c->deadline_us > now ? c->deadline_us - now : 1;
    struct timeval tv = { (time_t)(wait / 1000000), (suseconds_t)(wait % 1000000) };
    evtimer_add(c->timer, &tv);
    c->timer_us = c->deadline_us;
}

/* A timer that is due earlier stays and looks again when it fires: a busy connection does not touch the timer heap. */
static void phase_enter(struct server_conn *c, enum phase phase)
{
    uint64_t now = clock_us();
    c->phase = phase;
    c->deadline_us = phase == BUSY ? 0 : now + (uint64_t)c->server->limits_ms[phase] * 1000;
    if (c->deadline_us && (!c->timer_us || c->deadline_us < c->timer_us)) timer_start(c, now);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct server_conn *c = arg;
    uint64_t now = clock_us();
    (void)fd, (void)what;
    c->timer_us = 0;
    if (!c->deadline_us) return;
    if (c->deadline_us > now) return timer_start(c, now);
    if (c->phase != HEAD && c->phase != BODY) return conn_close(c);
    wire_refuse(&c->wire, E_REQUEST_TIMEOUT, c->phase == HEAD ? "the head took too long" : "the body took too long");
    conn_run(c);
}

/* --- the end of a connection -------------------------------------------------------------------------------------- */

void conn_close(struct server_conn *c)
{
    if (c->req) c->req->conn = NULL;
    LIST_REMOVE(c, link);
    c->server->count--;
    event_free(c->timer);
    turn_close(c);
    wire_done(&c->wire);
    free(c);
}

/* RFC 9112 9.6: what is unread at close() makes TCP reset the connection, and the reply may be lost with it. */
static void conn_linger(struct server_conn *c)
{
    if (c->at_eof) return conn_close(c);
    if (c->ssl && SSL_shutdown(c->ssl) < 0) ERR_clear_error(); /* the thread's error queue is everybody's */
    shutdown(bufferevent_getfd(c->bev), SHUT_WR);
    evbuffer_drain(bufferevent_get_input(c->bev), SIZE_MAX);
    bufferevent_enable(c->bev, EV_READ);
    phase_enter(c, LINGER);
}

static void linger_read(struct server_conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    c->lingered += evbuffer_get_length(in);
    evbuffer_drain(in, SIZE_MAX);
    if (c->lingered > LINGER_MAX) conn_close(c);
}

/* --- output ------------------------------------------------------------------------------------------------------- */

static size_t output_length(const struct server_conn *c)
{
    return evbuffer_get_length(bufferevent_get_output(c->bev));
}

static size_t input_length(const struct server_conn *c)
{
    return evbuffer_get_length(bufferevent_get_input(c->bev));
}

/* libevent would write only after epoll_ctl and epoll_wait; nearly always the socket takes a reply at once. EV_WRITE is
 * enabled for the rest only. TLS is left to libevent. */
static bool conn_flush(struct server_conn *c)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    if (c->ssl || evbuffer_get_length(out) == 0) return true;
    evbuffer_unfreeze(out, 1);
    int n = evbuffer_write(out, bufferevent_getfd(c->bev));
    evbuffer_freeze(out, 1);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (evbuffer_get_length(out)) bufferevent_enable(c->bev, EV_WRITE);
    else bufferevent_disable(c->bev, EV_WRITE);
    return true;
}

static enum answer_connection connection_header(const struct server_conn *c)
{
    if (c->closing) return ANSWER_CLOSE;
    return c->is_1_0 ? ANSWER_KEEP_ALIVE : ANSWER_PLAIN;
}

static void conn_answer(struct server_conn *c, struct req *r)
{
    c->closing |= r->close || !c->keep_alive || c->server->draining;
    answer_write(c->server->answer, r, connection_header(c));
    turn_answer(c, c->server->answer);
    c->req = NULL;
    r->conn = NULL;
}

void server_reply(struct req *r)
{
    struct server_conn *c = r->conn;
    if (r->replied) abort();
    r->replied = true;
    if (!buf_ok(&r->out) || r->status < 200 || r->status > 599) { /* a bug, or over LIMIT_REPLY: a part is no answer */
        buf_clear(&r->out);
        r->status = err_table[E_INTERNAL].http;
    }
    if (c) conn_answer(c, r);
    req_release(r);
    if (c) conn_run(c);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static bool is_id_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
}

static struct str client_request_id(const struct req *r)
{
    struct str id = req_header(r, STR("X-Request-Id"));
    for (size_t i = 0; i < id.len; i++)
        if (!is_id_character(id.p[i])) return STR_NONE;
    return id.len && id.len <= REQUEST_ID_MAX ? id : STR_NONE;
}

static struct req *request_new(struct server_conn *c)
{
    struct asked a = wire_take(&c->wire);
    struct req *r = req_new(&a.arena);
    c->keep_alive = a.keep_alive;
    c->is_1_0 = a.is_1_0;
    r->worker = c->server->config.worker;
    r->method = a.method;
    r->target = a.target;
    r->path = a.path;
    r->query = a.query;
    r->headers = a.headers;
    r->header_count = a.header_count;
    r->body = a.body;
    r->peer = arena_dup(&r->arena, str_of(c->peer)); /* may be needed after the connection */
    r->tls = c->ssl != NULL;
    r->client_request_id = client_request_id(r);
    uuid_v7(r->request_id);
    r->start_us = clock_us();
    r->conn = c;
    return r;
}

static void request_begin(struct server_conn *c, bool is_refused)
{
    const struct server_config *config = &c->server->config;
    struct req *r = c->req = request_new(c);
    c->has_asked = true;
    phase_enter(c, BUSY);
    turn_begin(c, r->method);
    if (is_refused) {
        r->close = true;
        problem_add(&r->problem, &r->arena, c->wire.code, STR("request"), str_of(c->wire.reason));
    }
    req_hold(r); /* the callee may reply at once and still look at it */
    (is_refused ? config->on_refused : config->on_request)(r);
    req_release(r);
}

/* --- the connection: read, begin, answer, as long as there is something to do ------------------------------------- */

/* Nothing can be begun: a request is under way, the client does not take its replies, or there will be no more. */
static bool is_blocked(const struct server_conn *c)
{
    return c->req || c->closing || output_length(c) > OUTPUT_MAX;
}

static bool conn_step(struct server_conn *c)
{
    if (is_blocked(c)) return false;
    switch (wire_read(&c->wire, bufferevent_get_input(c->bev))) {
    case WIRE_MORE: return false;
    case WIRE_CONTINUE: return bufferevent_write(c->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25) == 0;
    case WIRE_REQUEST: request_begin(c, false); break;
    case WIRE_REFUSED: request_begin(c, true); break;
    }
    return true;
}

static enum phase phase_now(const struct server_conn *c)
{
    if (c->req) return BUSY;
    if (c->wire.phase != WIRE_HEAD) return BODY;
    return input_length(c) ? HEAD : IDLE;
}

static bool is_over(const struct server_conn *c)
{
    return !c->req && output_length(c) == 0 &&
           (c->closing || c->at_eof || (c->server->draining && phase_now(c) == IDLE));
}

/* After the last step. Frees the connection if it is over. */
static void conn_settle(struct server_conn *c)
{
    if (!c->req && output_length(c) == 0) turn_end(c);
    if (is_over(c)) return c->closing ? conn_linger(c) : conn_close(c);
    enum phase now = phase_now(c);
    if (now != c->phase) phase_enter(c, now);
    bool is_reading = bufferevent_get_enabled(c->bev) & EV_READ;
    if (!is_reading && !c->at_eof && !is_blocked(c)) bufferevent_enable(c->bev, EV_READ);
}

static void conn_run(struct server_conn *c)
{
    if (c->running) return; /* a reply from within a step: the loop below goes on */
    bool is_alive, was_blocked;
    c->running = true;
    do {
        while (conn_step(c)) continue;
        was_blocked = is_blocked(c);
        is_alive = conn_flush(c);
    } while (is_alive && was_blocked && !is_blocked(c)); /* the socket took all that output at once */
    c->running = false;
    if (is_alive) conn_settle(c);
    else conn_close(c);
}

/* Between two requests a client must expect the end (RFC 9112 9.6). Before its first one, or with bytes that nobody has read
 * yet, it has a request under way: it is given the time that server_drain() has set. */
void conn_drain(struct server_conn *c)
{
    bool is_idle = c->phase == IDLE || c->phase == HANDSHAKE;
    int unread = 0;
    if (c->running || !is_idle || output_length(c)) return;
    ioctl(bufferevent_getfd(c->bev), FIONREAD, &unread);
    if (c->has_asked && !unread) conn_close(c);
    else phase_enter(c, c->phase);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
    struct server_conn *c = arg;
    if (c->phase == LINGER) return linger_read(c);
    if (!is_blocked(c)) return conn_run(c);
    if (input_length(c) > INPUT_MAX) bufferevent_disable(bev, EV_READ);
}

static void on_written(struct bufferevent *bev, void *arg)
{
    struct server_conn *c = arg;
    (void)bev;
    if (c->phase != LINGER) conn_run(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct server_conn *c = arg;
    (void)bev;
    if (what & BEV_EVENT_CONNECTED) return phase_enter(c, IDLE);
    /* A client may end its side after its last request and still wait for the reply. If it is gone for good, writing
     * will tell. TLS has no half-closed state worth keeping. */
    bool is_half_closed = (what & BEV_EVENT_EOF) && !c->ssl && c->phase != LINGER;
    if (!is_half_closed) return conn_close(c);
    c->at_eof = true;
    conn_run(c);
}

void conn_begin(struct server_conn *c)
{
    struct server *s = c->server;
    struct timeval stall = { STALL_S, 0 };
    wire_init(&c->wire, s->config.body_max);
    c->timer = evtimer_new(s->base, on_timer, c);
    if (!c->timer) abort();
    LIST_INSERT_HEAD(&s->conns, c, link);
    s->count++;
    bufferevent_setcb(c->bev, on_readable, on_written, on_event, c);
    bufferevent_set_timeouts(c->bev, NULL, &stall);
    if (!c->ssl) bufferevent_disable(c->bev, EV_WRITE); /* see conn_flush() */
    phase_enter(c, c->ssl ? HANDSHAKE : IDLE);
}
