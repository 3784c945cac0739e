#include "http/head.h"

#include "base/utf8.h"

/* Character classes. A byte outside its class (CR, LF and NUL are in none) refuses the head. */
enum {
    T = 1, /* tchar, RFC 9110 5.6.2 */
    V = 2, /* field value, RFC 9110 5.5: VCHAR, SP, HTAB, obs-text */
    U = 4, /* request target: RFC 3986 characters, "[" and "]", and bytes of UTF-8, which real clients send bare */
    H = 8, /* host: what names and numbers are made of */
};

static const unsigned char classes[256] = {
    ['\t'] = V,          [' '] = V,           ['!'] = T | V | U,       ['"'] = V,           ['#'] = T | V,
    ['$'] = T | V | U,   ['%'] = T | V | U,   ['&'] = T | V | U,       ['\''] = T | V | U,  ['('] = V | U,
    [')'] = V | U,       ['*'] = T | V | U,   ['+'] = T | V | U,       [','] = V | U,       ['-'] = T | V | U | H,
    ['.'] = T | V | U | H, ['/'] = V | U,     ['0' ... '9'] = T | V | U | H,                [':'] = V | U,
    [';'] = V | U,       ['<'] = V,           ['='] = V | U,           ['>'] = V,           ['?'] = V | U,
    ['@'] = V | U,       ['A' ... 'Z'] = T | V | U | H,                ['['] = V | U,       ['\\'] = V,
    [']'] = V | U,       ['^'] = T | V,       ['_'] = T | V | U | H,   ['`'] = T | V,       ['a' ... 'z'] = T | V | U | H,
    ['{'] = V,           ['|'] = T | V,       ['}'] = V,               ['~'] = T | V | U,   [0x80 ... 0xff] = V | U,
};

/* One head being read; `code` is sticky. */
struct reader {
    struct head *h;
    enum err_code code;
    const char *reason;
    bool has_host, has_coding, says_close, says_keep_alive, unknown_method;
};

static bool refuse(struct reader *rd, enum err_code code, const char *reason)
{
    rd->code = code;
    rd->reason = reason;
    return false;
}

static bool bad(struct reader *rd, const char *reason)
{
    return refuse(rd, E_BAD_REQUEST, reason);
}

static size_t span(struct str s, unsigned char class)
{
    size_t i = 0;
    while (i < s.len && classes[(unsigned char)s.p[i]] & class) i++;
    return i;
}

static bool consists_of(struct str s, unsigned char class)
{
    return span(s, class) == s.len;
}

/* Lines end in CRLF only; a lone LF as a line end (allowed to recipients by RFC 9112 2.2) is how smuggling starts. */
static bool line_cut(struct reader *rd, struct str *rest, struct str *line)
{
    const char *lf = rest->len ? memchr(rest->p, '\n', rest->len) : NULL;
    if (!lf) return bad(rd, "the head is not complete");
    size_t n = (size_t)(lf - rest->p);
    if (n == 0 || lf[-1] != '\r') return bad(rd, "a line ends in LF without CR");
    *line = str_sub(*rest, 0, n - 1);
    *rest = str_sub(*rest, n + 1, rest->len);
    return true;
}

static struct str skip_empty_lines(struct str s)
{
    while (s.len >= 2 && s.p[0] == '\r' && s.p[1] == '\n') s = str_sub(s, 2, s.len);
    return s;
}

size_t head_end(struct str in)
{
    struct str rest = skip_empty_lines(in);
    const char *p = rest.p, *end = in.p + in.len, *lf;
    /* Lone LFs end lines here too, so that such a head is refused at once instead of awaited in vain. */
    while (p < end && (lf = memchr(p, '\n', (size_t)(end - p)))) {
        p = lf + 1;
        if (p < end && *p == '\r') p++;
        if (p < end && *p == '\n') return (size_t)(p + 1 - in.p);
        p = lf + 1;
    }
    return 0;
}

/* --- field lines -------------------------------------------------------------------------------------------------- */

const char *header_read(struct str line, struct header *ret)
{
    size_t n = span(line, T);
    if (n == 0 && line.len && (line.p[0] == ' ' || line.p[0] == '\t')) return "a folded header line";
    if (n == 0 || n == line.len || line.p[n] != ':') return "a malformed header name";
    ret->name = str_sub(line, 0, n);
    ret->value = str_trim(str_sub(line, n + 1, line.len));
    return consists_of(str_sub(ret->value, str_clean_span(ret->value), ret->value.len), V) ? NULL : "a control character in a header value";
}

static bool host_is_valid(struct str host)
{
    if (host.len && host.p[0] == '[') {
        size_t n = 1;
        while (n < host.len && strchr("0123456789abcdefABCDEF:.", host.p[n]) && host.p[n]) n++;
        if (n < 4 || n == host.len || host.p[n] != ']') return false;
        host = str_sub(host, n + 1, host.len);
    } else {
        size_t n = span(host, H);
        if (n == 0) return false;
        host = str_sub(host, n, host.len);
    }
    int64_t port;
    return host.len == 0 || (host.p[0] == ':' && host.len > 1 && host.p[1] != '-' &&
                             str_to_i64(str_sub(host, 1, host.len), 0, 65535, &port));
}

/* RFC 9112 3.2: exactly one Host. */
static bool read_host(struct reader *rd, struct str value)
{
    if (rd->h->is_response) return true;
    if (rd->has_host) return bad(rd, "several Host headers");
    rd->has_host = true;
    return host_is_valid(value) || bad(rd, "a malformed Host");
}

/* RFC 9112 6.3: digits only; a list or a second, different value is an attack, not a length. */
static bool read_length(struct reader *rd, struct str value)
{
    uint64_t n = 0;
    for (size_t i = 0; i < value.len; i++)
        if (value.p[i] < '0' || value.p[i] > '9') return bad(rd, "a malformed Content-Length");
    if (value.len == 0) return bad(rd, "an empty Content-Length");
    if (value.len > 18) return refuse(rd, E_BODY_TOO_LARGE, "an absurd Content-Length");
    for (size_t i = 0; i < value.len; i++) n = n * 10 + (uint64_t)(value.p[i] - '0');
    if (rd->h->has_length && rd->h->length != n) return bad(rd, "differing Content-Length headers");
    rd->h->has_length = true;
    rd->h->length = n;
    return true;
}

/* RFC 9112 6.1: "chunked" once and nothing else; other codings are 501. */
static bool read_coding(struct reader *rd, struct str value)
{
    if (rd->has_coding) return bad(rd, "several Transfer-Encoding headers");
    rd->has_coding = true;
    if (str_ieq(value, STR("chunked"))) return rd->h->chunked = true;
    for (struct str rest = value, one; !str_is_none(rest);) {
        one = str_trim(str_cut(&rest, ','));
        if (one.len == 0 || !consists_of(one, T)) return bad(rd, "a malformed Transfer-Encoding");
        if (!str_ieq(one, STR("chunked"))) return refuse(rd, E_NOT_IMPLEMENTED, "an unknown transfer coding");
    }
    return bad(rd, "a repeated transfer coding");
}

static bool read_connection(struct reader *rd, struct str value)
{
    for (struct str rest = value, one; !str_is_none(rest);) {
        one = str_trim(str_cut(&rest, ','));
        rd->says_close |= str_ieq(one, STR("close"));
        rd->says_keep_alive |= str_ieq(one, STR("keep-alive"));
    }
    return true;
}

static bool read_expect(struct reader *rd, struct str value)
{
    rd->h->expect_continue = str_ieq(value, STR("100-continue"));
    return true;
}

static const struct {
    struct str name;
    bool (*read)(struct reader *rd, struct str value);
} known[] = {
    { { "host", 4 }, read_host },
    { { "expect", 6 }, read_expect },
    { { "connection", 10 }, read_connection },
    { { "content-length", 14 }, read_length },
    { { "transfer-encoding", 17 }, read_coding },
};

static bool field_add(struct reader *rd, struct str line)
{
    struct head *h = rd->h;
    if (h->header_count == HEAD_HEADERS) return refuse(rd, E_HEAD_TOO_LARGE, "too many headers");
    struct header *field = &h->headers[h->header_count];
    const char *reason = header_read(line, field);
    if (reason) return bad(rd, reason);
    h->header_count++;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].name.len == field->name.len && str_ieq(known[i].name, field->name))
            return known[i].read(rd, field->value);
    return true;
}

/* --- start lines -------------------------------------------------------------------------------------------------- */

/* "HTTP/1.x". A minor version above 1 counts as 1 (RFC 9110 2.5). */
static bool read_version(struct reader *rd, struct str version)
{
    if (version.len != 8 || memcmp(version.p, "HTTP/1.", 7) != 0 || version.p[7] < '0' || version.p[7] > '9')
        return bad(rd, "not HTTP/1.1 or HTTP/1.0");
    rd->h->minor_version = version.p[7] != '0';
    return true;
}

static void read_method(struct reader *rd, struct str name)
{
    for (int m = 0; m < METHOD_COUNT; m++) {
        if (!str_eq(method_names[m], name)) continue;
        rd->h->method = (enum method)m;
        return;
    }
    rd->unknown_method = true;
}

static bool read_target(struct reader *rd, struct str target)
{
    rd->h->target = target;
    if (target.len > LIMIT_TARGET) return refuse(rd, E_TARGET_TOO_LONG, "the request target is too long");
    if (!consists_of(target, U) || !utf8_valid(target)) return bad(rd, "a malformed request target");
    bool is_asterisk = target.len == 1 && target.p[0] == '*';
    if (is_asterisk && rd->h->method == METHOD_OPTIONS && !rd->unknown_method) return true;
    return target.p[0] == '/' || bad(rd, "the request target is not a path");
}

/* RFC 9112 3: method SP request-target SP HTTP-version, single spaces. */
static bool request_line(struct reader *rd, struct str line)
{
    struct str rest = line, method = str_cut(&rest, ' '), target = str_cut(&rest, ' ');
    if (method.len == 0 || !consists_of(method, T)) return bad(rd, "a malformed method");
    if (target.len == 0 || str_is_none(rest)) return bad(rd, "a malformed request line");
    read_method(rd, method);
    return read_target(rd, target) && read_version(rd, rest);
}

/* RFC 9112 4: HTTP-version SP status-code SP [reason-phrase]. */
static bool status_line(struct reader *rd, struct str line)
{
    int64_t status;
    struct str rest = line, version = str_cut(&rest, ' '), code = str_cut(&rest, ' ');
    if (!read_version(rd, version)) return false;
    if (code.len != 3 || !str_to_i64(code, 100, 999, &status)) return bad(rd, "a malformed status code");
    if (!consists_of(rest, V)) return bad(rd, "a control character in the reason phrase");
    rd->h->status = (int)status;
    return true;
}

/* --- whole heads -------------------------------------------------------------------------------------------------- */

/* Rules that need all fields: RFC 9112 3.2 (Host), 6.1 and 6.3 (framing), 9.3 (persistence). */
static bool whole_head(struct reader *rd)
{
    struct head *h = rd->h;
    bool is_1_1 = h->minor_version > 0;
    if (!h->is_response && is_1_1 && !rd->has_host) return bad(rd, "no Host header");
    if (rd->has_coding && !is_1_1) return bad(rd, "Transfer-Encoding in HTTP/1.0");
    if (rd->has_coding && h->has_length) return bad(rd, "both Content-Length and Transfer-Encoding");
    h->keep_alive = !rd->says_close && (is_1_1 || rd->says_keep_alive);
    h->expect_continue &= is_1_1;
    if (rd->unknown_method) return refuse(rd, E_METHOD_NOT_ALLOWED, "an unknown method");
    return true;
}

static void head_clear(struct head *h, bool is_response)
{
    memset(h, 0, offsetof(struct head, headers)); /* the header array is large: only what is used is written */
    h->is_response = is_response;
    h->header_count = 0;
    h->chunked = h->has_length = h->keep_alive = h->expect_continue = false;
    h->length = 0;
}

static enum err_code head_read(struct head *h, struct str text, bool is_response, const char **reason)
{
    struct reader rd = { .h = h };
    struct str line = STR_NONE, rest = is_response ? text : skip_empty_lines(text);
    head_clear(h, is_response);
    bool ok = line_cut(&rd, &rest, &line) && (is_response ? status_line(&rd, line) : request_line(&rd, line));
    while (ok && (ok = line_cut(&rd, &rest, &line)) && line.len) ok = field_add(&rd, line);
    if (ok && rest.len) ok = bad(&rd, "bytes after the head");
    if (ok) whole_head(&rd);
    *reason = rd.reason;
    return rd.code;
}

enum err_code head_read_request(struct head *h, struct str text, const char **reason)
{
    return head_read(h, text, false, reason);
}

enum err_code head_read_response(struct head *h, struct str text, const char **reason)
{
    return head_read(h, text, true, reason);
}
