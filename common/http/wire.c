#include "http/wire.h"

/* What a phase says to the loop, besides what the loop says to the caller. */
enum { GO_ON = -1 };

/* Bytes of a request line besides its target: the longest method, two blanks, the version, CRLF. */
enum { LINE_REST = 7 + 2 + 8 + 2 };

static size_t or_usual(size_t limit, size_t usual)
{
    return limit ? limit : usual;
}

static size_t head_max(const struct wire *w)
{
    return or_usual(w->limits->head, LIMIT_HEAD);
}

static size_t target_max(const struct wire *w)
{
    return or_usual(w->limits->target, LIMIT_TARGET);
}

void wire_init(struct wire *w, const struct wire_limits *limits)
{
    *w = (struct wire){ .limits = limits };
    buf_init(&w->body, 0);
}

void wire_done(struct wire *w)
{
    arena_done(&w->asked.arena);
    buf_done(&w->body);
    chunked_done(&w->chunked);
}

void wire_refuse(struct wire *w, enum err_code code, const char *reason)
{
    w->phase = WIRE_BROKEN;
    w->code = code;
    w->reason = reason;
}

static int refuse(struct wire *w, enum err_code code, const char *reason)
{
    wire_refuse(w, code, reason);
    return WIRE_REFUSED;
}

static void body_forget(struct wire *w)
{
    buf_done(&w->body);
    chunked_done(&w->chunked);
}

struct asked wire_take(struct wire *w)
{
    struct asked taken = w->asked;
    w->asked = (struct asked){ 0 };
    if (!w->streams) body_forget(w);
    if (w->phase == WIRE_WHOLE) w->phase = WIRE_HEAD;
    return taken;
}

static void asked_fill(struct asked *a, const struct head *h)
{
    a->method = h->method;
    a->target = h->target;
    a->keep_alive = h->keep_alive;
    a->is_1_0 = h->minor_version == 0;
    a->header_count = h->header_count;
    a->headers = arena_array(&a->arena, struct header, h->header_count);
    memcpy(a->headers, h->headers, h->header_count * sizeof *h->headers);
}

/* RFC 9112 6.3: what follows the head. */
static int body_announced(struct wire *w, const struct head *h)
{
    bool has_body = h->chunked || h->length;
    w->phase = has_body ? WIRE_LIMIT : WIRE_WHOLE;
    w->body_max = or_usual(w->limits->body, LIMIT_BODY);
    w->left = h->length;
    w->asked.body_length = h->chunked ? -1 : (int64_t)h->length;
    w->expects_continue = h->expect_continue;
    return has_body ? WIRE_ANNOUNCED : GO_ON;
}

static int body_begin(struct wire *w, struct str *in)
{
    bool is_chunked = w->asked.body_length < 0;
    if (w->left > w->body_max) return refuse(w, E_BODY_TOO_LARGE, "the Content-Length is over the limit");
    w->phase = is_chunked ? WIRE_CHUNKED : WIRE_BODY;
    w->body.max = w->body_max;
    if (is_chunked) chunked_init(&w->chunked, w->body_max);
    return w->expects_continue && in->len == 0 ? WIRE_CONTINUE : GO_ON;
}

static int head_take(struct wire *w, struct str *in, size_t len)
{
    struct asked *a = &w->asked;
    struct head h;
    enum err_code code = head_read_request(&h, arena_dup(&a->arena, str_take(in, len)), &w->reason);
    asked_fill(a, &h);
    if (code != E_OK) return refuse(w, code, w->reason);
    if (a->target.len > target_max(w)) return refuse(w, E_TARGET_TOO_LONG, "the request target is too long");
    if (h.header_count > or_usual(w->limits->headers, LIMIT_HEADERS)) return refuse(w, E_HEAD_TOO_LARGE, "too many headers");
    if (!target_read(&a->arena, a->target, &a->path, &a->query))
        return refuse(w, E_BAD_REQUEST, "the path is not in normal form");
    return body_announced(w, &h);
}

/* RFC 9112 2.2: empty lines before a request are ignored. */
static void skip_empty_lines(struct str *in)
{
    while (in->len >= 2 && memcmp(in->p, "\r\n", 2) == 0) str_take(in, 2);
}

static int head_is_incomplete(struct wire *w, struct str bytes)
{
    bool has_line = memchr(bytes.p, '\n', bytes.len) != NULL;
    unsigned char first = (unsigned char)bytes.p[0];
    if (!has_line && bytes.len > target_max(w) + LINE_REST)
        return refuse(w, E_TARGET_TOO_LONG, "the request target is too long");
    if (bytes.len >= head_max(w)) return refuse(w, E_HEAD_TOO_LARGE, "the head is too large");
    /* TLS to a plain port, and the like: no need to wait for the end of what cannot become a head. */
    if (first <= ' ' && first != '\r') return refuse(w, E_BAD_REQUEST, "not an HTTP request");
    return WIRE_MORE;
}

static int read_head(struct wire *w, struct str *in)
{
    skip_empty_lines(in);
    if (in->len == 0) return WIRE_MORE;
    struct str bytes = str_sub(*in, 0, in->len < head_max(w) ? in->len : head_max(w));
    size_t len = head_end(bytes);
    return len ? head_take(w, in, len) : head_is_incomplete(w, bytes);
}

/* --- bodies ------------------------------------------------------------------------------------------------------- */

static int body_whole(struct wire *w, struct str body)
{
    w->asked.body = arena_dup(&w->asked.arena, body);
    w->phase = WIRE_WHOLE;
    return GO_ON;
}

/* Hands on what came. `is_last`: there is no more of it. */
static int body_piece(struct wire *w, struct str piece, bool is_last)
{
    w->piece = piece;
    if (!is_last) return piece.len ? WIRE_PIECE : WIRE_MORE;
    w->streams = false;
    w->phase = WIRE_ENDED;
    return WIRE_END;
}

static int body_begun(struct wire *w, struct buf *so_far)
{
    if (!w->limits->window || so_far->len <= w->limits->window) return WIRE_MORE;
    w->asked.body = arena_dup(&w->asked.arena, buf_str(so_far));
    buf_done(so_far);
    w->streams = true;
    return WIRE_BEGUN;
}

/* Memory grows with what arrives, not with what is announced. */
static int read_body(struct wire *w, struct str *in)
{
    struct str piece = str_take(in, in->len < w->left ? in->len : (size_t)w->left);
    w->left -= piece.len;
    if (w->streams) return body_piece(w, piece, w->left == 0);
    if (w->left == 0 && w->body.len == 0) return body_whole(w, piece); /* nearly always */
    buf_add(&w->body, piece);
    return w->left ? body_begun(w, &w->body) : body_whole(w, buf_str(&w->body));
}

static int read_chunked(struct wire *w, struct str *in)
{
    struct buf *body = &w->chunked.body;
    if (w->streams) buf_clear(body);
    switch (chunked_read(&w->chunked, in)) {
    case CHUNKED_MORE: return w->streams ? body_piece(w, buf_str(body), false) : body_begun(w, body);
    case CHUNKED_BAD: return refuse(w, E_BAD_REQUEST, w->chunked.reason);
    case CHUNKED_TOO_LARGE: return refuse(w, E_BODY_TOO_LARGE, "the body is over the limit");
    case CHUNKED_DONE: break;
    }
    return w->streams ? body_piece(w, buf_str(body), true) : body_whole(w, buf_str(body));
}

static int is_whole(struct wire *w, struct str *in)
{
    (void)w, (void)in;
    return WIRE_REQUEST;
}

static int has_ended(struct wire *w, struct str *in)
{
    (void)in;
    body_forget(w);
    w->phase = WIRE_HEAD;
    return GO_ON;
}

static int is_broken(struct wire *w, struct str *in)
{
    (void)w, (void)in;
    return WIRE_REFUSED;
}

enum wire_result wire_read(struct wire *w, struct str *in)
{
    static int (*const phases[])(struct wire *, struct str *) = {
        [WIRE_HEAD] = read_head,       [WIRE_LIMIT] = body_begin, [WIRE_BODY] = read_body,
        [WIRE_CHUNKED] = read_chunked, [WIRE_WHOLE] = is_whole,   [WIRE_ENDED] = has_ended,
        [WIRE_BROKEN] = is_broken,
    };
    int got;
    do got = phases[w->phase](w, in);
    while (got == GO_ON);
    return (enum wire_result)got;
}
