#include "http/client_conn.h"

#include <stdlib.h>

enum { INTERIMS_MAX = 8 };

/* What reading says: more bytes are needed; go on with the next phase; the reply is whole; it is no good. */
enum reading { READ_MORE, READ_ON, READ_WHOLE, READ_BAD, READ_TOO_LARGE };

/* --- the end of a connection, or of an exchange on it ------------------------------------------------------------- */

void client_conn_close(struct client_conn *c)
{
    if (c->exchange) c->exchange->conn = NULL;
    if (c->pooled) origin_leave(c);
    if (c->resolution) resolution_cancel(c->resolution);
    stream_close(&c->stream);
    buf_done(&c->body);
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

/* `body` may lie in the stream's input or in the connection. */
static void conn_whole(struct client_conn *c, struct str body)
{
    struct exchange *x = c->exchange;
    /* Bytes after the reply, or a reply before the end of the request: nobody knows what comes next. */
    bool is_clean = c->stream.input.len == 0 && stream_unsent(&c->stream) == 0 && !x->body_follows;
    x->reply.body = body;
    x->conn = NULL;
    c->exchange = NULL;
    exchange_end(x, CLIENT_OK);
    buf_done(&c->body);
    chunked_done(&c->chunked);
    stream_keep(&c->stream);
    if (is_clean && c->keep_alive) origin_keep(c->origin, c);
    else client_conn_close(c);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* RFC 9112 6.3 */
static enum reading body_begin(struct client_conn *c, const struct head *h)
{
    struct exchange *x = c->exchange;
    bool has_none = x->method == METHOD_HEAD || h->status == 204 || h->status == 304;
    if (h->has_length) x->reply.length = (int64_t)h->length;
    c->left = has_none ? 0 : h->length;
    c->phase = REPLY_LENGTH;
    if (has_none) return READ_ON;
    if (h->has_length && h->length > x->reply_max) return READ_TOO_LARGE;
    if (h->has_length) return READ_ON;
    c->phase = h->chunked ? REPLY_CHUNKED : REPLY_TO_END;
    c->left = x->reply_max;
    if (h->chunked) chunked_init(&c->chunked, x->reply_max);
    else c->keep_alive = false;
    return READ_ON;
}

static enum reading interim(struct client_conn *c, int status)
{
    return status == 101 || ++c->interims > INTERIMS_MAX ? READ_BAD : READ_ON;
}

static enum reading read_head(struct client_conn *c, struct str *in)
{
    struct exchange *x = c->exchange;
    struct head h;
    const char *reason;
    size_t look = in->len < LIMIT_HEAD ? in->len : LIMIT_HEAD, len = head_end(str_sub(*in, 0, look));
    if (len == 0) return look < LIMIT_HEAD ? READ_MORE : READ_BAD;
    struct str text = arena_dup(&x->arena, str_take(in, len));
    if (head_read_response(&h, text, &reason) != E_OK) return READ_BAD;
    if (h.status < 200) return interim(c, h.status);
    struct header *headers = arena_array(&x->arena, struct header, h.header_count);
    memcpy(headers, h.headers, h.header_count * sizeof *headers);
    x->reply.status = h.status;
    x->reply.headers = headers;
    x->reply.header_count = h.header_count;
    c->keep_alive = h.keep_alive;
    return body_begin(c, &h);
}

static enum reading read_length(struct client_conn *c, struct str *in)
{
    if (c->body.len == 0 && in->len >= c->left) return READ_WHOLE; /* nearly always: it is not copied */
    struct str piece = str_take(in, in->len < c->left ? in->len : (size_t)c->left);
    buf_add(&c->body, piece);
    c->left -= piece.len;
    return c->left ? READ_MORE : READ_WHOLE;
}

static enum reading read_chunked(struct client_conn *c, struct str *in)
{
    static const enum reading results[] = {
        [CHUNKED_MORE] = READ_MORE,
        [CHUNKED_DONE] = READ_WHOLE,
        [CHUNKED_BAD] = READ_BAD,
        [CHUNKED_TOO_LARGE] = READ_TOO_LARGE,
    };
    return results[chunked_read(&c->chunked, in)];
}

static enum reading read_to_end(struct client_conn *c, struct str *in)
{
    if (in->len > c->left) return READ_TOO_LARGE;
    c->left -= in->len;
    buf_add(&c->body, str_take(in, in->len));
    return READ_MORE;
}

static struct buf *body_so_far(struct client_conn *c)
{
    return c->phase == REPLY_CHUNKED ? &c->chunked.body : &c->body;
}

static struct str body_read(struct client_conn *c)
{
    bool is_input = c->phase == REPLY_LENGTH && c->body.len == 0;
    return is_input ? str_take(&c->stream.input, (size_t)c->left) : buf_str(body_so_far(c));
}

/* More is to come. */
static void body_pass(struct client_conn *c)
{
    struct buf *so_far = body_so_far(c);
    bool flows = c->exchange->flows, goes_on = true;
    if (flows) goes_on = flow_piece(c, buf_str(so_far));
    else if (flow_is_due(c)) goes_on = flow_begin(c, buf_str(so_far));
    if (!goes_on) return;
    if (c->exchange->flows) buf_clear(so_far);
    stream_keep(&c->stream);
}

/* There is no more. */
static void body_end(struct client_conn *c, struct str rest)
{
    if (!c->exchange->flows) conn_whole(c, rest);
    else if (flow_piece(c, rest)) conn_whole(c, STR(""));
}

static void conn_read(struct client_conn *c)
{
    static enum reading (*const phases[])(struct client_conn *, struct str *) = {
        [REPLY_HEAD] = read_head,
        [REPLY_LENGTH] = read_length,
        [REPLY_CHUNKED] = read_chunked,
        [REPLY_TO_END] = read_to_end,
    };
    enum reading r;
    do r = phases[c->phase](c, &c->stream.input);
    while (r == READ_ON);
    if (r == READ_BAD) return conn_fail(c, CLIENT_PROTOCOL);
    if (r == READ_TOO_LARGE) return conn_fail(c, CLIENT_TOO_LARGE);
    if (r == READ_MORE) return body_pass(c);
    body_end(c, body_read(c));
}

static void conn_ended(struct client_conn *c)
{
    if (!c->exchange) return client_conn_close(c);
    if (c->phase != REPLY_TO_END) return conn_fail(c, CLIENT_CLOSED);
    body_end(c, buf_str(&c->body));
}

/* TLS 1.3 tells only now that our certificate is no good, or missing: the request was not looked at. */
static void conn_broken(struct client_conn *c)
{
    bool is_refused = c->stream.is_refused && !c->answered;
    if (is_refused) c->exchange->reply.fault = c->stream.fault;
    conn_fail(c, is_refused ? CLIENT_CONNECT : CLIENT_CLOSED);
}

static void conn_readable(struct client_conn *c)
{
    enum stream_state got = stream_read(&c->stream);
    if (got == STREAM_BROKEN && c->exchange) return conn_broken(c);
    if (got == STREAM_END || got == STREAM_BROKEN) return conn_ended(c);
    if (got == STREAM_NOTHING) return;
    if (!c->exchange) return client_conn_close(c); /* nobody asked */
    c->answered = true;
    conn_read(c);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static bool conn_write(struct client_conn *c, struct str bytes)
{
    bool ok = stream_write(&c->stream, bytes);
    c->sent = ok && stream_unsent(&c->stream) < bytes.len;
    return ok;
}

static void conn_sent(struct client_conn *c, bool ok)
{
    if (!ok) return conn_fail(c, CLIENT_CLOSED);
    if (stream_unsent(&c->stream) == 0) flow_writable(c);
}

static void exchange_attach(struct exchange *x, struct client_conn *c)
{
    x->conn = c;
    c->exchange = x;
    c->phase = REPLY_HEAD;
    c->sent = c->answered = false;
    c->interims = 0;
    buf_init(&c->body, x->reply_max);
}

bool client_conn_reuse(struct client_conn *c, struct exchange *x)
{
    exchange_attach(x, c);
    c->reused = true;
    if (conn_write(c, x->bytes)) return true;
    client_conn_close(c);
    return false;
}

/* --- connecting --------------------------------------------------------------------------------------------------- */

static void on_stream(void *arg, enum stream_event what);

static void connect_next(struct client_conn *c)
{
    struct client *client = c->origin->client;
    while (c->address_next < c->address_count) {
        const struct address *a = &c->addresses[c->address_next++];
        stream_close(&c->stream);
        if (!stream_connect(&c->stream, client->base, (const struct sockaddr *)&a->sa, a->len, on_stream, c)) continue;
        if (c->origin->is_tls) stream_secure(&c->stream, client->tls, c->origin->host);
        return;
    }
    conn_fail(c, CLIENT_CONNECT);
}

static void on_connected(struct client_conn *c)
{
    c->connected = true;
    conn_sent(c, conn_write(c, c->exchange->bytes));
}

static void on_failed(struct client_conn *c)
{
    if (c->connected) return conn_fail(c, CLIENT_TIMEOUT);
    c->exchange->reply.fault = c->stream.fault;
    connect_next(c);
}

static void on_stream(void *arg, enum stream_event what)
{
    struct client_conn *c = arg;
    if (what == STREAM_CONNECTED) return on_connected(c);
    if (what == STREAM_READABLE) return conn_readable(c);
    if (what == STREAM_FAILED) return on_failed(c);
    conn_sent(c, stream_flush(&c->stream));
}

static void on_resolved(void *arg, const struct address *addresses, size_t count)
{
    struct client_conn *c = arg;
    c->resolution = NULL;
    c->address_count = count;
    c->addresses = arena_array(&c->exchange->arena, struct address, count);
    memcpy(c->addresses, addresses, count * sizeof *addresses);
    connect_next(c);
}

void client_conn_open(struct exchange *x)
{
    struct origin *o = x->origin;
    struct client_conn *c = calloc(1, sizeof *c);
    if (!c) abort();
    c->origin = o;
    c->stream.fd = -1;
    exchange_attach(x, c);
    if (o->address.len) return on_resolved(c, &o->address, 1);
    struct resolution *q = resolver_ask(o->client->resolver, o->host, o->port, on_resolved, c);
    if (q) c->resolution = q; /* else c has got its addresses, and may be gone */
}
