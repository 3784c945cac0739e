#include "http/chunked.h"

#include "base/limits.h"
#include "base/percent.h"
#include "http/head.h"

enum { CHUNK_LINE = 1024, SIZE_DIGITS = 16 };

/* What a phase says to the loop, besides what the loop says to the caller. */
enum { GO_ON = -1 };

void chunked_init(struct chunked *c, size_t body_max)
{
    *c = (struct chunked){ .phase = CHUNKED_SIZE, .max = body_max };
    buf_init(&c->body, body_max);
}

void chunked_done(struct chunked *c)
{
    buf_done(&c->body);
}

static int bad(struct chunked *c, const char *reason)
{
    c->reason = reason;
    return CHUNKED_BAD;
}

/* RFC 9112 7.1.1: chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS value ] ); a blank may only lead to a ";". */
static bool extension_is_valid(struct str s)
{
    if (s.len == 0) return true;
    if (str_trim(s).len == 0 || str_trim(s).p[0] != ';') return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
    }
    return true;
}

bool chunk_size_read(struct str line, uint64_t *ret)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < line.len && i <= SIZE_DIGITS; i++) {
        int digit = hex_digit(line.p[i]);
        if (digit < 0) break;
        n = n << 4 | (uint64_t)digit;
    }
    *ret = n;
    return i > 0 && i <= SIZE_DIGITS && extension_is_valid(str_sub(line, i, line.len));
}

struct str chunk_head(size_t size, char out[CHUNK_HEAD])
{
    char *end = out + CHUNK_HEAD, *p = end - 2;
    memcpy(p, "\r\n", 2);
    do *--p = "0123456789abcdef"[size % 16];
    while (size /= 16);
    return (struct str){ p, (size_t)(end - p) };
}

/* Takes one line; GO_ON with it, without CRLF. */
static int line_take(struct chunked *c, struct str *in, struct str *line)
{
    size_t look = in->len < CHUNK_LINE ? in->len : CHUNK_LINE;
    const char *lf = look ? memchr(in->p, '\n', look) : NULL;
    if (!lf) return look < CHUNK_LINE ? CHUNKED_MORE : bad(c, "a line of the chunked body is too long");
    size_t n = (size_t)(lf - in->p);
    if (n == 0 || lf[-1] != '\r') return bad(c, "a line of the chunked body ends in LF without CR");
    *line = str_take(in, n + 1);
    line->len = n - 1;
    return GO_ON;
}

static int read_size(struct chunked *c, struct str *in)
{
    struct str line;
    int got = line_take(c, in, &line);
    if (got != GO_ON) return got;
    if (!chunk_size_read(line, &c->left)) return bad(c, "a malformed chunk size");
    c->dropped += line.len > SIZE_DIGITS ? line.len - SIZE_DIGITS : 0;
    if (c->dropped > LIMIT_HEAD) return bad(c, "too many chunk extensions");
    if (c->left > c->max - c->total) return CHUNKED_TOO_LARGE;
    c->total += c->left;
    c->phase = c->left ? CHUNKED_DATA : CHUNKED_TRAILER;
    return GO_ON;
}

static int read_data(struct chunked *c, struct str *in)
{
    size_t n = in->len < c->left ? in->len : (size_t)c->left;
    if (n == 0) return CHUNKED_MORE;
    buf_add(&c->body, str_take(in, n));
    c->left -= n;
    if (c->left == 0) c->phase = CHUNKED_DATA_END;
    return GO_ON;
}

static int read_data_end(struct chunked *c, struct str *in)
{
    if (in->len < 2) return CHUNKED_MORE;
    if (memcmp(in->p, "\r\n", 2) != 0) return bad(c, "a chunk is longer than its size");
    str_take(in, 2);
    c->phase = CHUNKED_SIZE;
    return GO_ON;
}

/* RFC 9112 7.1.2: trailer fields may be discarded; they still have to be fields. */
static int read_trailer(struct chunked *c, struct str *in)
{
    struct str line;
    struct header field;
    int got = line_take(c, in, &line);
    if (got != GO_ON) return got;
    if (line.len == 0) return CHUNKED_DONE;
    c->dropped += line.len;
    if (c->dropped > LIMIT_HEAD) return bad(c, "too many trailers");
    const char *reason = header_read(line, &field);
    return reason ? bad(c, reason) : GO_ON;
}

enum chunked_result chunked_read(struct chunked *c, struct str *in)
{
    static int (*const phases[])(struct chunked *, struct str *) = {
        [CHUNKED_SIZE] = read_size,
        [CHUNKED_DATA] = read_data,
        [CHUNKED_DATA_END] = read_data_end,
        [CHUNKED_TRAILER] = read_trailer,
    };
    int got;
    do got = phases[c->phase](c, in);
    while (got == GO_ON);
    return (enum chunked_result)got;
}
