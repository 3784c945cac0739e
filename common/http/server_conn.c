#include "http/server_conn.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "http/census.h"
#include "http/worker.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    INPUT_MAX = 64 * 1024,        /* read ahead while nothing can be begun */
    LINGER_MAX = 4 * 1024 * 1024, /* read and dropped after the last reply */
    REQUEST_ID_MAX = 128,
};

void conn_count(struct server *s, enum refusal refusal)
{
    struct worker *w = s->config.worker;
    if (w) __atomic_store_n(&w->refusals[refusal], w->refusals[refusal] + 1, __ATOMIC_RELAXED);
}

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
    c->phase = phase;
    c->since_us = clock_us();
    c->received = 0;
    c->deadline_us = phase == BUSY ? 0 : c->since_us + (uint64_t)c->server->limits_ms[phase] * 1000;
    if (c->deadline_us && (!c->timer_us || c->deadline_us < c->timer_us)) timer_start(c, c->since_us);
}

/* What has come of a body buys time for the rest. */
static void body_deadline(struct server_conn *c)
{
    uint64_t earned_us = (uint64_t)c->received * 1000000 / (unsigned)c->server->config.limits.body_rate;
    c->deadline_us = c->since_us + (uint64_t)c->server->limits_ms[BODY] * 1000 + earned_us;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct server_conn *c = arg;
    uint64_t now = clock_us();
    (void)fd, (void)what;
    c->timer_us = 0;
    if (c->is_broken) return conn_close(c);
    if (!c->deadline_us) return;
    if (c->deadline_us > now) return timer_start(c, now);
    if (c->phase == HANDSHAKE) conn_count(c->server, REFUSAL_HANDSHAKE);
    if (c->phase != HEAD && c->phase != BODY) return conn_close(c);
    wire_refuse(&c->wire, E_REQUEST_TIMEOUT, c->phase == HEAD ? "the head took too long" : "the body comes too slowly");
    conn_run(c);
}

/* --- the end of a connection -------------------------------------------------------------------------------------- */

/* NULL: the address of many, who are not counted one by one. */
static const struct ip *conn_ip(const struct server_conn *c, struct ip *ip)
{
    return !c->is_many && ip_read(str_of(c->peer), ip) ? ip : NULL;
}

void conn_close(struct server_conn *c)
{
    struct req *r = c->req;
    struct ip ip;
    if (r) r->conn = NULL;
    LIST_REMOVE(c, link);
    c->server->count--;
    if (c->server->config.census) census_leave(c->server->config.census, conn_ip(c, &ip));
    evtimer_del(&c->timer);
    stream_close(&c->stream);
    wire_done(&c->wire);
    free(c);
    if (r && r->flow) r->flow->broken(r->flow_arg);
}

void conn_fail(struct server_conn *c)
{
    c->is_broken = true;
    event_active(&c->timer, EV_TIMEOUT, 1);
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
    c->received += c->stream.input.len;
    c->stream.input = STR("");
    if (got == STREAM_END || got == STREAM_BROKEN || c->received > LINGER_MAX) conn_close(c);
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
    r->body_length = a.body_length;
    r->peer = arena_dup(&r->arena, str_of(c->peer)); /* may be needed after the connection */
    r->tls = c->stream.ssl != NULL;
    r->client_request_id = client_request_id(r);
    uuid_v7(r->request_id);
    r->start_us = clock_us();
    r->conn = c;
    return r;
}

/* Time is up in the phase that it was. */
static enum refusal wire_refusal(const struct server_conn *c)
{
    if (c->wire.code != E_REQUEST_TIMEOUT) return refusal_of(c->wire.code);
    return c->phase == BODY ? REFUSAL_BODY_TIME : REFUSAL_HEAD_TIME;
}

static void request_ends(void *server)
{
    struct server *s = server;
    s->in_flight--;
    if (!s->is_freed) queue_look(s);
    else if (!s->in_flight) free(s);
}

void req_refuse(struct server *s, struct req *r, enum refusal refusal, enum err_code code, const char *reason)
{
    conn_count(s, refusal);
    r->refused = refusal_names[refusal];
    problem_add(&r->problem, &r->arena, code, STR("request"), str_of(reason));
    if (err_table[code].http == 503) r->problem.retry_after_s = 1;
}

void conn_refuse(struct server_conn *c, struct req *r)
{
    r->close = true;
    req_refuse(c->server, r, wire_refusal(c), c->wire.code, c->wire.reason);
}

/* The callee may reply at once and still look at it. */
void req_begin(struct req *r, handler_fn handler)
{
    req_hold(r);
    handler(r);
    req_release(r);
}

static void refuse_connection(struct server_conn *c, struct req *r)
{
    bool is_one_address = c->refused == REFUSAL_ADDRESS;
    r->close = true;
    req_refuse(c->server, r, c->refused, E_OVERLOADED,
               is_one_address ? "too many connections from this address" : "too many connections");
}

static bool is_too_much(const struct server *s, const struct req *r)
{
    bool is_busy = s->in_flight - s->waiting_count > s->config.limits.requests_max || s->waiting_count;
    return is_busy && !(s->config.is_vital && s->config.is_vital(r));
}

static struct req *request_start(struct server_conn *c)
{
    struct req *r = c->req = request_new(c);
    c->has_asked = true;
    c->server->in_flight++;
    arena_defer(&r->arena, request_ends, c->server);
    return r;
}

static void request_begin(struct server_conn *c, bool is_refused_by_wire)
{
    struct server *s = c->server;
    struct req *r = request_start(c);
    if (is_refused_by_wire) conn_refuse(c, r);
    else if (c->refused != REFUSAL_COUNT) refuse_connection(c, r);
    phase_enter(c, BUSY);
    bool is_busy = r->problem.code == E_OK && is_too_much(s, r);
    if (is_busy && queue_add(s, r)) return;
    if (is_busy) req_refuse(s, r, REFUSAL_REQUESTS, E_OVERLOADED, "too many requests under way");
    req_begin(r, r->problem.code == E_OK ? s->config.on_request : s->config.on_refused);
}

/* Nothing can be begun: a request is under way, the client does not take its replies, or there will be no more. */
static bool is_blocked(const struct server_conn *c)
{
    return c->is_broken || c->closing || (c->req ? !body_is_wanted(c) : stream_unsent(&c->stream) > LIMIT_UNSENT);
}

static void body_limit(struct server_conn *c)
{
    const struct server_config *config = &c->server->config;
    const struct asked *a = &c->wire.asked;
    size_t max = config->body_max_of ? config->body_max_of(config->worker, a->method, a->path) : 0;
    if (max) c->wire.body_max = max;
}

static bool conn_step(struct server_conn *c)
{
    if (is_blocked(c)) return false;
    switch (wire_read(&c->wire, &c->stream.input)) {
    case WIRE_MORE: return false;
    case WIRE_ANNOUNCED: body_limit(c); break;
    case WIRE_CONTINUE: buf_addz(&c->stream.out, "HTTP/1.1 100 Continue\r\n\r\n"); break;
    case WIRE_REQUEST:
    case WIRE_BEGUN: request_begin(c, false); break;
    case WIRE_PIECE: body_hand_on(c, false); break;
    case WIRE_END: body_hand_on(c, true); break;
    case WIRE_REFUSED:
        if (c->req) body_refuse(c);
        else request_begin(c, true);
        break;
    }
    return true;
}

static enum phase phase_now(const struct server_conn *c)
{
    if (c->req) return body_is_wanted(c) ? BODY : BUSY;
    if (!stream_is_open(&c->stream)) return HANDSHAKE;
    if (c->wire.phase != WIRE_HEAD) return BODY;
    return c->stream.input.len ? HEAD : IDLE;
}

static bool is_over(const struct server_conn *c)
{
    if (c->req) return c->stream.at_end && body_is_wanted(c); /* its body will never be whole */
    return stream_unsent(&c->stream) == 0 &&
           (c->closing || c->stream.at_end || (c->server->draining && phase_now(c) == IDLE));
}

/* After the last step. Frees the connection if it is over. */
static void conn_settle(struct server_conn *c)
{
    stream_keep(&c->stream);
    if (is_over(c)) return c->closing ? conn_linger(c) : conn_close(c);
    enum phase now = phase_now(c);
    if (now != c->phase) phase_enter(c, now);
    else if (now == BODY) body_deadline(c);
    if (!is_blocked(c)) stream_resume(&c->stream);
}

void conn_run(struct server_conn *c)
{
    if (c->running) return; /* a reply from within a step: the loop below goes on */
    bool is_alive, was_blocked;
    c->running = true;
    do {
        while (conn_step(c)) continue;
        was_blocked = is_blocked(c);
        is_alive = !c->is_broken && stream_flush(&c->stream);
        if (is_alive && c->req) flow_go_on(c);
    } while (is_alive && was_blocked && !is_blocked(c)); /* the socket took all that output at once */
    c->running = false;
    if (is_alive && !c->is_broken) conn_settle(c);
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
    size_t before = c->stream.input.len;
    enum stream_state got = stream_read(&c->stream);
    if (got == STREAM_DATA) c->received += c->stream.input.len - before;
    if (got == STREAM_BROKEN && !stream_is_open(&c->stream)) conn_count(c->server, REFUSAL_HANDSHAKE);
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

/* False: it is not even worth an answer. */
static bool conn_admit(struct server_conn *c)
{
    static const enum refusal refusals[] = {
        [CENSUS_ADMIT] = REFUSAL_COUNT,
        [CENSUS_FULL] = REFUSAL_CONNECTIONS,
        [CENSUS_ADDRESS_FULL] = REFUSAL_ADDRESS,
        [CENSUS_DROP] = REFUSAL_DROPPED,
    };
    const struct server_config *config = &c->server->config;
    struct ip ip;
    c->is_many = config->is_proxy && config->is_proxy(config->worker, str_of(c->peer));
    c->refused = config->census ? refusals[census_enter(config->census, conn_ip(c, &ip))] : REFUSAL_COUNT;
    return c->refused != REFUSAL_DROPPED;
}

void conn_open(struct server *s, int fd, const char *peer)
{
    struct server_conn *c = calloc(1, sizeof *c);
    if (!c) abort();
    c->server = s;
    memccpy(c->peer, peer, 0, sizeof c->peer);
    if (!conn_admit(c)) {
        conn_count(s, REFUSAL_DROPPED);
        close(fd);
        free(c);
        return;
    }
    wire_init(&c->wire, &s->wire_limits);
    evtimer_assign(&c->timer, s->base, on_timer, c);
    LIST_INSERT_HEAD(&s->conns, c, link);
    s->count++;
    stream_accept(&c->stream, s->base, fd, s->config.tls, on_stream, c);
    phase_enter(c, phase_now(c));
}
