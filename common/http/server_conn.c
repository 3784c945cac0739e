#include "http/server_conn.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "http/answer.h"

#include <stdlib.h>

enum {
    INPUT_MAX = 64 * 1024,        /* read ahead while nothing can be begun */
    OUTPUT_MAX = 256 * 1024,      /* replies that the client has not taken, before the next request is begun */
    LINGER_MAX = 4 * 1024 * 1024, /* read and dropped after the last reply */
    REQUEST_ID_MAX = 128,
};

static void conn_run(struct server_conn *c);

/* --- timers: absolute, so that a byte now and then gains a client nothing ----------------------------------------- */

static void timer_start(struct server_conn *c, uint64_t now)
{
    uint64_t wait = c->deadline_us > now ? c->deadline_us - now : 1;
    struct timeval tv = { (time_t)(wait / 1000000), (suseconds_t)(wait % 1000000) };
    evtimer_add(&c->timer, &tv);
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
    evtimer_del(&c->timer);
    stream_close(&c->stream);
    wire_done(&c->wire);
    free(c);
}

/* RFC 9112 9.6: what is unread at close() makes TCP reset the connection, and the reply may be lost with it. */
static void conn_linger(struct server_conn *c)
{
    if (c->stream.at_end) return conn_close(c);
    stream_end(&c->stream);
    c->stream.input = STR("");
    stream_keep(&c->stream);
    stream_resume(&c->stream);
    phase_enter(c, LINGER);
}

static void linger_read(struct server_conn *c)
{
    enum stream_state got = stream_read(&c->stream);
    c->lingered += c->stream.input.len;
    c->stream.input = STR("");
    if (got == STREAM_END || got == STREAM_BROKEN || c->lingered > LINGER_MAX) conn_close(c);
}

/* --- output ------------------------------------------------------------------------------------------------------- */

static enum answer_connection connection_header(const struct server_conn *c)
{
    if (c->closing) return ANSWER_CLOSE;
    return c->is_1_0 ? ANSWER_KEEP_ALIVE : ANSWER_PLAIN;
}

static void conn_answer(struct server_conn *c, struct req *r)
{
    c->closing |= r->close || !c->keep_alive || c->server->draining;
    struct str rest = answer_write(&c->stream.out, r, connection_header(c));
    if (rest.len) stream_write(&c->stream, rest); /* if that fails, so does the flush that follows */
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
    r->tls = c->stream.ssl != NULL;
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
    return c->req || c->closing || stream_unsent(&c->stream) > OUTPUT_MAX;
}

static bool conn_step(struct server_conn *c)
{
    if (is_blocked(c)) return false;
    switch (wire_read(&c->wire, &c->stream.input)) {
    case WIRE_MORE: return false;
    case WIRE_CONTINUE: buf_addz(&c->stream.out, "HTTP/1.1 100 Continue\r\n\r\n"); break;
    case WIRE_REQUEST: request_begin(c, false); break;
    case WIRE_REFUSED: request_begin(c, true); break;
    }
    return true;
}

static enum phase phase_now(const struct server_conn *c)
{
    if (c->req) return BUSY;
    if (!stream_is_open(&c->stream)) return HANDSHAKE;
    if (c->wire.phase != WIRE_HEAD) return BODY;
    return c->stream.input.len ? HEAD : IDLE;
}

static bool is_over(const struct server_conn *c)
{
    return !c->req && stream_unsent(&c->stream) == 0 &&
           (c->closing || c->stream.at_end || (c->server->draining && phase_now(c) == IDLE));
}

/* After the last step. Frees the connection if it is over. */
static void conn_settle(struct server_conn *c)
{
    stream_keep(&c->stream);
    if (is_over(c)) return c->closing ? conn_linger(c) : conn_close(c);
    enum phase now = phase_now(c);
    if (now != c->phase) phase_enter(c, now);
    if (!is_blocked(c)) stream_resume(&c->stream);
}

static void conn_run(struct server_conn *c)
{
    if (c->running) return; /* a reply from within a step: the loop below goes on */
    bool is_alive, was_blocked;
    c->running = true;
    do {
        while (conn_step(c)) continue;
        was_blocked = is_blocked(c);
        is_alive = stream_flush(&c->stream);
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
    if (c->running || !is_idle || stream_unsent(&c->stream)) return;
    if (c->has_asked && !stream_unread(&c->stream)) conn_close(c);
    else phase_enter(c, c->phase);
}

/* A client may end its side after its last request and still wait for the reply. If it is gone for good, writing will
 * tell. TLS has no half-closed state worth keeping. */
static void conn_readable(struct server_conn *c)
{
    enum stream_state got = stream_read(&c->stream);
    if (got == STREAM_BROKEN || (got == STREAM_END && c->stream.ssl)) return conn_close(c);
    if (got == STREAM_END || !is_blocked(c)) return conn_run(c);
    stream_keep(&c->stream);
    if (c->stream.input.len > INPUT_MAX) stream_pause(&c->stream);
}

static void on_stream(void *arg, enum stream_event what)
{
    struct server_conn *c = arg;
    if (what == STREAM_FAILED) return conn_close(c);
    if (c->phase == LINGER) return linger_read(c);
    if (what == STREAM_READABLE) return conn_readable(c);
    conn_run(c);
}

void conn_open(struct server *s, int fd, const char *peer)
{
    struct server_conn *c = calloc(1, sizeof *c);
    if (!c) abort();
    c->server = s;
    memccpy(c->peer, peer, 0, sizeof c->peer);
    wire_init(&c->wire, s->config.body_max);
    evtimer_assign(&c->timer, s->base, on_timer, c);
    LIST_INSERT_HEAD(&s->conns, c, link);
    s->count++;
    stream_accept(&c->stream, s->base, fd, s->config.tls, on_stream, c);
    phase_enter(c, phase_now(c));
}
