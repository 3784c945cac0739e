#include "transcript.h"

#include "fuzz.h"
#include "rules.h"

#include "http/wire.h"

enum { BYTEWISE_MAX = 512 }; /* each byte makes the head be looked at again */

/* How the bytes come, and how much of a body is collected before it is passed on. */
struct manner {
    size_t (*piece_of)(uint64_t *state); /* how many bytes come next, at least 1 */
    size_t window;
};

/* One connection. */
struct reading {
    struct transcript *t;
    struct wire wire;
    struct asked asked; /* the request whose body is not whole yet */
    struct buf body;    /* of it */
    size_t announced, continues, begun; /* of the request under way: each at most 1 */
};

/* --- requests ----------------------------------------------------------------------------------------------------- */

static void asked_write(struct buf *out, const struct asked *a, struct str body)
{
    buf_addf(out, "%.*s %.*s ", STR_ARG(method_names[a->method]), STR_ARG(a->target));
    buf_add(out, a->path);
    buf_addz(out, str_is_none(a->query) ? " -" : " ?");
    buf_add(out, a->query);
    buf_addf(out, " %d %d\n", a->keep_alive, a->is_1_0);
    for (size_t i = 0; i < a->header_count; i++) {
        buf_add(out, a->headers[i].name);
        buf_addc(out, ':');
        buf_add(out, a->headers[i].value);
        buf_addc(out, '\n');
    }
    buf_add(out, body);
    buf_addc(out, '\n');
}

static void request_take(struct reading *r)
{
    r->asked = wire_take(&r->wire);
    rules_check_path(r->asked.method, r->asked.path);
    rules_check_fields(r->asked.headers, r->asked.header_count);
    must(r->asked.header_count <= LIMIT_HEADERS);
    buf_add(&r->body, r->asked.body);
}

static void check_length(const struct reading *r)
{
    const struct asked *a = &r->asked;
    struct framing f = rules_framing(a->headers, a->header_count);
    must(r->body.len <= TRANSCRIPT_BODY_MAX);
    must(a->body_length == (f.is_chunked ? -1 : (int64_t)f.length));
    must(f.is_chunked ? !a->is_1_0 : r->body.len == f.length);
    must(r->announced == (f.is_chunked || f.length));
    must(!r->begun || r->body.len > r->wire.limits->window);
}

static void request_end(struct reading *r, size_t used)
{
    struct transcript *t = r->t;
    check_length(r);
    asked_write(&t->text, &r->asked, buf_str(&r->body));
    if (t->requests++ == 0) {
        buf_add(&t->body, buf_str(&r->body));
        t->first_end = used;
    }
    arena_done(&r->asked.arena);
    r->asked = (struct asked){ 0 };
    buf_clear(&r->body);
    r->announced = r->continues = r->begun = 0;
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* false: no more for now, or ever. */
static bool step(struct reading *r, struct str *in, size_t end)
{
    switch (wire_read(&r->wire, in)) {
    case WIRE_MORE: return false;
    case WIRE_ANNOUNCED: must(r->announced++ == 0); break;
    case WIRE_CONTINUE: must(r->announced && r->continues++ == 0 && in->len == 0); break;
    case WIRE_REQUEST:
        must(!r->begun);
        request_take(r);
        request_end(r, end - in->len);
        break;
    case WIRE_BEGUN:
        must(r->wire.limits->window && r->begun++ == 0);
        request_take(r);
        break;
    case WIRE_PIECE:
        must(r->begun && r->wire.piece.len);
        buf_add(&r->body, r->wire.piece);
        must(buf_ok(&r->body));
        break;
    case WIRE_END:
        must(r->begun);
        buf_add(&r->body, r->wire.piece);
        request_end(r, end - in->len);
        break;
    case WIRE_REFUSED: return !(r->t->is_refused = true);
    }
    return true;
}

/* Up to `end`. The bytes lie in a block of their own. */
static void read_on(struct reading *r, struct str stream, size_t *used, size_t end)
{
    size_t len = end - *used;
    char *piece = malloc(len + !len);
    memcpy(piece, stream.p + *used, len);
    struct str in = { piece, len };
    while (step(r, &in, end)) must(in.len <= len);
    *used = end - in.len;
    free(piece);
}

/* After a refusal nobody knows where the next request starts. */
static void check_refused(struct transcript *t, struct wire *w)
{
    static const char next[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct str in = STR(next);
    must(w->code != E_OK && w->reason);
    t->slug = err_table[w->code].slug;
    struct asked a = wire_take(w);
    arena_done(&a.arena);
    must(wire_read(w, &in) == WIRE_REFUSED && wire_read(w, &in) == WIRE_REFUSED);
}

static void transcript_make(struct transcript *t, struct str stream, const struct manner *how, uint64_t state)
{
    struct reading r = { .t = t };
    const struct wire_limits limits = { .body = TRANSCRIPT_BODY_MAX, .window = how->window };
    size_t used = 0, end = 0;
    *t = (struct transcript){ .requests = 0 };
    buf_init(&t->text, TRANSCRIPT_MAX);
    buf_init(&t->body, TRANSCRIPT_BODY_MAX);
    buf_init(&r.body, TRANSCRIPT_BODY_MAX);
    wire_init(&r.wire, &limits);
    while (end < stream.len && !t->is_refused) {
        size_t n = how->piece_of(&state);
        end = n < stream.len - end ? end + n : stream.len;
        read_on(&r, stream, &used, end);
    }
    if (t->is_refused) check_refused(t, &r.wire);
    buf_addz(&t->text, t->is_refused ? "refused" : "more");
    must(buf_ok(&t->text) && buf_ok(&t->body) && buf_ok(&r.body));
    arena_done(&r.asked.arena);
    buf_done(&r.body);
    wire_done(&r.wire);
}

void transcript_done(struct transcript *t)
{
    buf_done(&t->text);
    buf_done(&t->body);
}

/* --- in every manner the same ------------------------------------------------------------------------------------- */

static size_t all_of_it(uint64_t *state)
{
    (void)state;
    return SIZE_MAX;
}

static size_t one_byte(uint64_t *state)
{
    (void)state;
    return 1;
}

/* xorshift64*; short pieces and long ones. */
static size_t any_piece(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    uint64_t n = *state * 0x2545F4914F6CDD1Du >> 32;
    return 1 + (n >> 3) % (1u << n % 8);
}

/* Two limits are noticed before the line is whole that would have had another mistake: then only the refusal is the same. */
static void check_same(const struct transcript *whole, struct str stream, const struct manner *how)
{
    struct transcript t;
    transcript_make(&t, stream, how, str_hash(stream) | 1);
    must(str_eq(buf_str(&t.text), buf_str(&whole->text)));
    must(t.first_end == whole->first_end);
    if (stream.len <= LIMIT_TARGET && t.is_refused) must(!strcmp(t.slug, whole->slug));
    transcript_done(&t);
}

void transcript_check(struct transcript *ret, struct str stream)
{
    static const struct manner whole = { all_of_it, 0 }, others[] = { { any_piece, 0 }, { any_piece, 20 }, { all_of_it, 1 } },
                               bytewise[] = { { one_byte, 0 }, { one_byte, 1 } };
    transcript_make(ret, stream, &whole, 0);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) check_same(ret, stream, &others[i]);
    for (size_t i = 0; i < sizeof bytewise / sizeof *bytewise && stream.len <= BYTEWISE_MAX; i++) check_same(ret, stream, &bytewise[i]);
}
