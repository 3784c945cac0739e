/* Replies, and bodies that do not wait to be whole. */
#include "http/answer.h"
#include "http/server_conn.h"
#include "http/worker.h"

#include <stdlib.h>

/* --- replies that are whole --------------------------------------------------------------------------------------- */

static enum answer_connection connection_header(const struct server_conn *c, bool closes)
{
    if (closes) return ANSWER_CLOSE;
    return c->is_1_0 ? ANSWER_KEEP_ALIVE : ANSWER_PLAIN;
}

/* A client that still sends the body of a request that is answered has to stop. */
static bool is_last(const struct server_conn *c, const struct req *r)
{
    return c->closing || r->close || !c->keep_alive || c->server->draining || c->wire.streams;
}

static void reply_check(struct req *r)
{
    if (r->replied) abort();
    r->replied = true;
    if (buf_ok(&r->out) && r->status >= 200 && r->status <= 599) return;
    buf_clear(&r->out); /* a bug, or over LIMIT_REPLY: a part is no answer */
    r->status = err_table[E_INTERNAL].http;
}

static void reply_over(struct req *r)
{
    struct server_conn *c = r->conn;
    r->flow = NULL;
    r->conn = NULL;
    if (c) c->req = NULL;
    req_release(r);
    if (c) conn_run(c);
}

void server_reply(struct req *r)
{
    if (r->worker && r->worker->on_hold && r->worker->on_hold(r)) r->flow = NULL; /* its part is over */
    else server_reply_now(r);
}

void server_reply_now(struct req *r)
{
    struct server_conn *c = r->conn;
    reply_check(r);
    if (c) {
        c->closing = is_last(c, r);
        struct str rest = answer_write(&c->stream.out, r, connection_header(c, c->closing));
        if (rest.len) stream_write(&c->stream, rest); /* if that fails, so does the flush that follows */
    }
    reply_over(r);
}

/* --- replies in pieces -------------------------------------------------------------------------------------------- */

void server_reply_begin(struct req *r, int64_t length)
{
    struct server_conn *c = r->conn;
    reply_check(r);
    if (!c) return;
    if (length < 0) length = c->is_1_0 ? ANSWER_TO_END : ANSWER_CHUNKED;
    r->close |= length == ANSWER_TO_END;
    r->reply_is_chunked = length == ANSWER_CHUNKED;
    answer_head(&c->stream.out, r, connection_header(c, is_last(c, r)), length);
    server_reply_add(r, buf_str(&r->out));
}

void server_reply_add(struct req *r, struct str piece)
{
    struct server_conn *c = r->conn;
    char head[CHUNK_HEAD];
    if (!c || !piece.len) return;
    if (r->reply_is_chunked) buf_add(&c->stream.out, chunk_head(piece.len, head));
    bool ok = stream_write(&c->stream, piece);
    if (r->reply_is_chunked) buf_add(&c->stream.out, STR("\r\n"));
    if (!ok) conn_fail(c);
}

void server_reply_end(struct req *r, bool is_whole)
{
    struct server_conn *c = r->conn;
    if (c) {
        if (r->reply_is_chunked && is_whole) buf_add(&c->stream.out, CHUNKED_LAST);
        c->closing = is_last(c, r);
        c->is_broken |= !is_whole;
    }
    reply_over(r);
}

bool server_reply_is_full(struct req *r)
{
    return r->reply_is_full = r->conn && stream_unsent(&r->conn->stream) > LIMIT_UNSENT;
}

void flow_go_on(struct server_conn *c)
{
    struct req *r = c->req;
    if (!r->reply_is_full || stream_unsent(&c->stream) > LIMIT_UNSENT / 2) return;
    r->reply_is_full = false;
    r->flow->writable(r->flow_arg);
}

/* --- bodies in pieces --------------------------------------------------------------------------------------------- */

void server_flow(struct req *r, const struct req_flow *flow, void *arg)
{
    r->flow = flow;
    r->flow_arg = arg;
    r->body_paused = true;
}

bool server_body_follows(const struct req *r)
{
    return r->conn && r->conn->wire.streams;
}

bool body_is_wanted(const struct server_conn *c)
{
    return c->wire.streams && c->req->flow && !c->req->body_paused;
}

void server_body_pause(struct req *r)
{
    r->body_paused = true;
}

void server_body_resume(struct req *r)
{
    r->body_paused = false;
    if (r->conn) conn_run(r->conn);
}

void body_hand_on(struct server_conn *c, bool is_last)
{
    c->req->flow->body(c->req->flow_arg, c->wire.piece, is_last);
}

void body_refuse(struct server_conn *c)
{
    struct req *r = c->req;
    const struct req_flow *flow = r->flow;
    r->flow = NULL;
    conn_refuse(c, r);
    flow->broken(r->flow_arg);
}
