/* Chunked bodies: a fixed head, so that all changes go into sizes, extensions, data and trailers. The wire takes exactly what
 * the grammar of RFC 9112 section 7.1 allows, as the slow reader below has it. */
#include "fuzz.h"
#include "rules.h"
#include "transcript.h"

#include "http/chunked.h"

#define HEAD "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

enum reading { WHOLE, SHORT, WRONG, TOO_MUCH };

/* Up to the first LF, which must follow the first CR. */
static enum reading line_take(struct str *in, struct str *ret)
{
    const char *lf = in->len ? memchr(in->p, '\n', in->len) : NULL;
    if (!lf) return SHORT;
    *ret = str_take(in, (size_t)(lf - in->p) + 1);
    ret->len -= 2;
    return lf > ret->p && lf[-1] == '\r' ? WHOLE : WRONG;
}

static bool size_read(struct str line, uint64_t *ret)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    *ret = 0;
    for (const char *d; n < line.len && line.p[n] && (d = strchr(digits, line.p[n] | (line.p[n] >= 'A' ? 0x20 : 0))); n++) {
        if (n == 16) return false;
        *ret = *ret * 16 + (uint64_t)(d - digits);
    }
    struct str extension = str_sub(line, n, line.len), begin = str_trim(extension);
    for (size_t i = 0; i < extension.len; i++)
        if (((unsigned char)extension.p[i] < 0x20 && extension.p[i] != '\t') || extension.p[i] == 0x7f) return false;
    return n > 0 && (extension.len == 0 || (begin.len && begin.p[0] == ';'));
}

static enum reading trailers_read(struct str *in)
{
    for (struct str line;;) {
        enum reading got = line_take(in, &line);
        if (got != WHOLE) return got;
        if (!line.len) return WHOLE;
        struct header field;
        if (header_read(line, &field)) return WRONG;
        rules_check_fields(&field, 1);
    }
}

static enum reading body_read(struct str *in, struct buf *body)
{
    for (;;) {
        struct str line;
        uint64_t size;
        enum reading got = line_take(in, &line);
        if (got != WHOLE) return got;
        if (!size_read(line, &size)) return WRONG;
        if (size == 0) return trailers_read(in);
        if (size > body->max - body->len) return TOO_MUCH;
        if (in->len < size + 2) return SHORT;
        buf_add(body, str_take(in, (size_t)size));
        if (memcmp(str_take(in, 2).p, "\r\n", 2) != 0) return WRONG;
    }
}

static void check_grammar(const struct transcript *t, struct str stream)
{
    struct str rest = str_sub(stream, sizeof HEAD - 1, stream.len);
    struct buf body;
    buf_init(&body, TRANSCRIPT_BODY_MAX);
    enum reading got = body_read(&rest, &body);
    if (got == WHOLE) must(t->requests > 0 && str_eq(buf_str(&t->body), buf_str(&body)) && t->first_end == stream.len - rest.len);
    else must(t->requests == 0 && t->is_refused == (got != SHORT));
    if (t->requests == 0 && t->is_refused) must(!strcmp(t->slug, got == TOO_MUCH ? "BODY_TOO_LARGE" : "BAD_REQUEST"));
    buf_done(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { INPUT_MAX = 1000 }; /* the decoder limits its lines, the grammar does not */
    if (size > INPUT_MAX) return 0;
    char stream[sizeof HEAD - 1 + INPUT_MAX] = HEAD;
    struct transcript t;
    if (size) memcpy(stream + sizeof HEAD - 1, data, size);
    transcript_check(&t, (struct str){ stream, sizeof HEAD - 1 + size });
    check_grammar(&t, (struct str){ stream, sizeof HEAD - 1 + size });
    transcript_done(&t);
    return 0;
}
