#include "passage.h"

#include "http/reply.h"
#include "http/server.h"

/* --- the request's body: from the client to the service ------------------------------------------------------------ */

static void on_body(void *arg, struct str piece, bool is_last)
{
    struct passage *p = arg;
    p->body_flows = true;
    client_body(p->exchange, piece, is_last);
    if (!is_last && !client_takes(p->exchange)) server_body_pause(p->r);
}

static void on_upstream_writable(void *arg)
{
    relay_go_on(arg);
}

void relay_go_on(struct passage *p)
{
    if (p->exchange && client_takes(p->exchange)) server_body_resume(p->r);
}

/* --- a client that is gone, or sends nonsense ----------------------------------------------------------------------- */

static void on_client_broken(void *arg)
{
    struct passage *p = arg;
    struct req *r = p->r;
    passage_forget(p);
    problem_set(&r->problem, E_BAD_REQUEST); /* gone: for the log only */
    if (p->reply_flows) reply_stream_end(r, false);
    else reply_error(r);
    req_release(r);
}

/* --- the reply's body: from the service to the client -------------------------------------------------------------- */

static void pause_if_full(struct passage *p)
{
    if (server_reply_is_full(p->r)) client_pause(p->exchange);
}

static void on_reply_begun(void *arg, const struct client_reply *reply)
{
    struct passage *p = arg;
    struct req *r = p->r;
    struct str type = STR_NONE;
    passage_report(p, reply);
    if (!r->conn) return on_client_broken(p);
    forward_reply(r, reply, &type);
    p->reply_flows = true;
    if (!r->flow) relay_begin(p);
    buf_clear(&r->out);
    buf_add(&r->out, reply->body);
    reply_stream_begin(r, reply->status, type, reply->length);
    pause_if_full(p);
}

static void on_reply_piece(void *arg, struct str piece)
{
    struct passage *p = arg;
    reply_stream_add(p->r, piece);
    pause_if_full(p);
}

static void on_client_writable(void *arg)
{
    struct passage *p = arg;
    if (p->exchange) client_resume(p->exchange);
}

void relay_end(struct passage *p, const struct client_reply *reply)
{
    struct req *r = p->r;
    reply_stream_end(r, reply->error == CLIENT_OK);
    req_release(r);
}

/* --- both ---------------------------------------------------------------------------------------------------------- */

const struct client_flow relay_upstream = {
    .begun = on_reply_begun,
    .piece = on_reply_piece,
    .writable = on_upstream_writable,
};

void relay_begin(struct passage *p)
{
    static const struct req_flow downstream = {
        .body = on_body,
        .writable = on_client_writable,
        .broken = on_client_broken,
    };
    server_flow(p->r, &downstream, p);
}
