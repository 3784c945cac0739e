#include "http/wire.h"

/* What a phase says to the loop, besides what the loop says to the caller. */
enum { GO_ON = -1 };

/* Bytes of a request line besides its target: the longest method, two blanks, the version, CRLF. */
enum { LINE_REST = 7 + 2 + 8 + 2 };

void wire_init(struct wire *w, size_t body_max)
{
    *w = (struct wire){ .body_max = body_max };
    buf_init(&w->body, body_max);
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

struct asked wire_take(struct wire *w)
{
    struct asked taken = w->asked;
    w->asked = (struct asked){ 0 };
    buf_done(&w->body);
    chunked_done(&w->chunked);
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
static int body_begin(struct wire *w, struct str *in, const struct head *h)
{
    if (h->length > w->body_max) return refuse(w, E_BODY_TOO_LARGE, "the Content-Length is over the limit");
    w->left = h->length;
    w->phase = h->chunked ? WIRE_CHUNKED : h->length ? WIRE_BODY : WIRE_WHOLE;
    if (h->chunked) chunked_init(&w->chunked, w->body_max);
    bool is_awaited = w->phase != WIRE_WHOLE && in->len == 0;
    return h->expect_continue && is_awaited ? WIRE_CONTINUE : GO_ON;
}

static int head_take(struct wire *w, struct str *in, size_t len)
{
    struct asked *a = &w->asked;
    struct head h;
    enum err_code code = head_read_request(&h, arena_dup(&a->arena, str_take(in, len)), &w->reason);
    asked_fill(a, &h);
    if (code != E_OK) return refuse(w, code, w->reason);
    if (!target_read(&a->arena, a->target, &a->path, &a->query))
        return refuse(w, E_BAD_REQUEST, "the path is not in normal form");
    return body_begin(w, in, &h);
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
    if (!has_line && bytes.len > LIMIT_TARGET + LINE_REST)
        return refuse(w, E_TARGET_TOO_LONG, "the request target is too long");
    if (bytes.len >= LIMIT_HEAD) return refuse(w, E_HEAD_TOO_LARGE, "the head is too large");
    /* TLS to a plain port, and the like: no need to wait for the end of what cannot become a head. */
    if (first <= ' ' && first != '\r') return refuse(w, E_BAD_REQUEST, "not an HTTP request");
    return WIRE_MORE;
}

static int read_head(struct wire *w, struct str *in)
{
    skip_empty_lines(in);
    if (in->len == 0) return WIRE_MORE;
    struct str bytes = str_sub(*in, 0, in->len < LIMIT_HEAD ? in->len : LIMIT_HEAD);
    size_t len = head_end(bytes);
    return len ? head_take(w, in, len) : head_is_incomplete(w, bytes);
}

/* Memory grows with what arrives, not with what is announced. */
static int read_body(struct wire *w, struct str *in)
{
    struct str piece = str_take(in, in->len < w->left ? in->len : (size_t)w->left);
    w->left -= piece.len;
    bool is_whole_piece = w->left == 0 && w->body.len == 0;
    if (!is_whole_piece) buf_add(&w->body, piece);
    if (w->left) return WIRE_MORE;
    w->asked.body = arena_dup(&w->asked.arena, is_whole_piece ? piece : buf_str(&w->body));
    w->phase = WIRE_WHOLE;
    return GO_ON;
}

static int read_chunked(struct wire *w, struct str *in)
{
    switch (chunked_read(&w->chunked, in)) {
    case CHUNKED_MORE: return WIRE_MORE;
    case CHUNKED_BAD: return refuse(w, E_BAD_REQUEST, w->chunked.reason);
    case CHUNKED_TOO_LARGE: return refuse(w, E_BODY_TOO_LARGE, "the body is over the limit");
    case CHUNKED_DONE: break;
    }
    w->asked.body = arena_dup(&w->asked.arena, buf_str(&w->chunked.body));
    w->phase = WIRE_WHOLE;
    return GO_ON;
}

static int is_whole(struct wire *w, struct str *in)
{
    (void)w, (void)in;
    return WIRE_REQUEST;
}

static int is_broken(struct wire *w, struct str *in)
{
    (void)w, (void)in;
    return WIRE_REFUSED;
}

enum wire_result wire_read(struct wire *w, struct str *in)
{
    static int (*const phases[])(struct wire *, struct str *) = {
        [WIRE_HEAD] = read_head,       [WIRE_BODY] = read_body,     [WIRE_CHUNKED] = read_chunked,
        [WIRE_WHOLE] = is_whole,       [WIRE_BROKEN] = is_broken,
    };
    int got;
    do got = phases[w->phase](w, in);
    while (got == GO_ON);
    return (enum wire_result)got;
}
