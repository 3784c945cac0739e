/* What bodies that do not wait to be whole need: requests that are written, and replies that are passed on, piece by piece. */
#include "http/client_conn.h"

/* --- requests ----------------------------------------------------------------------------------------------------- */

bool client_takes(const struct exchange *x)
{
    return x->body_follows && x->conn && x->conn->connected && stream_unsent(&x->conn->stream) == 0;
}

static bool body_write(struct exchange *x, struct str piece, bool is_last)
{
    struct stream *s = &x->conn->stream;
    char head[CHUNK_HEAD];
    if (!x->body_is_chunked) return stream_write(s, piece);
    if (piece.len) buf_add(&s->out, chunk_head(piece.len, head));
    if (!stream_write(s, piece)) return false;
    if (piece.len) buf_add(&s->out, STR("\r\n"));
    return stream_write(s, is_last ? CHUNKED_LAST : STR(""));
}

/* Between two pieces the exchange waits for whoever has them: no time limit of ours, besides that of the stream. */
void client_body(struct exchange *x, struct str piece, bool is_last)
{
    if (!x->conn) return; /* it has failed, and `done` is about to say so */
    x->body_follows = !is_last;
    if (is_last) exchange_time(x);
    else event_del(&x->timer);
    if (body_write(x, piece, is_last)) return;
    client_conn_close(x->conn);
    exchange_fail(x, CLIENT_CLOSED);
}

void flow_writable(struct client_conn *c)
{
    struct exchange *x = c->exchange;
    if (!x || !x->body_follows || !x->flow) return;
    event_del(&x->timer);
    x->flow->writable(x->arg);
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

void client_pause(struct exchange *x)
{
    x->is_paused = true;
    event_del(&x->timer); /* the peer is not to blame */
    if (x->conn) stream_pause(&x->conn->stream);
}

void client_resume(struct exchange *x)
{
    x->is_paused = false;
    exchange_time(x);
    if (x->conn) stream_resume(&x->conn->stream);
}

bool flow_is_due(const struct client_conn *c)
{
    const struct exchange *x = c->exchange;
    if (!x->flow || x->flows) return false;
    if (c->phase == REPLY_LENGTH) return c->left > LIMIT_WINDOW;
    return (c->phase == REPLY_CHUNKED ? c->chunked.body.len : c->body.len) > LIMIT_WINDOW;
}

/* After a call out: the owner may have given the exchange up. */
static bool is_alive(struct exchange *x)
{
    x->is_inside = false;
    if (!x->is_aborted) return true;
    client_abort(x);
    return false;
}

bool flow_begin(struct client_conn *c, struct str body)
{
    struct exchange *x = c->exchange;
    x->flows = x->is_inside = true;
    x->reply.body = body;
    x->flow->begun(x->arg, &x->reply);
    x->reply.body = STR("");
    return is_alive(x);
}

bool flow_piece(struct client_conn *c, struct str piece)
{
    struct exchange *x = c->exchange;
    if (!piece.len) return true;
    if (!x->is_paused) exchange_time(x);
    x->is_inside = true;
    x->flow->piece(x->arg, piece);
    return is_alive(x);
}
