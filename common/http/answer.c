#include "http/answer.h"

#include "base/clock.h"

#include <time.h>

enum { COPIED_BODY = 4 * 1024, FIXED_PART = 256 };

static const struct {
    int status;
    struct str line;
} status_lines[] = {
#define LINE(status, reason) { status, { "HTTP/1.1 " #status " " reason "\r\n", sizeof "HTTP/1.1 000 " reason "\r\n" - 1 } }
    LINE(200, "OK"),
    LINE(201, "Created"),
    LINE(202, "Accepted"),
    LINE(204, "No Content"),
    LINE(206, "Partial Content"),
    LINE(207, "Multi-Status"),
    LINE(301, "Moved Permanently"),
    LINE(302, "Found"),
    LINE(303, "See Other"),
    LINE(304, "Not Modified"),
    LINE(307, "Temporary Redirect"),
    LINE(308, "Permanent Redirect"),
    LINE(400, "Bad Request"),
    LINE(401, "Unauthorized"),
    LINE(403, "Forbidden"),
    LINE(404, "Not Found"),
    LINE(405, "Method Not Allowed"),
    LINE(406, "Not Acceptable"),
    LINE(408, "Request Timeout"),
    LINE(409, "Conflict"),
    LINE(410, "Gone"),
    LINE(412, "Precondition Failed"),
    LINE(413, "Content Too Large"),
    LINE(414, "URI Too Long"),
    LINE(415, "Unsupported Media Type"),
    LINE(422, "Unprocessable Content"),
    LINE(428, "Precondition Required"),
    LINE(429, "Too Many Requests"),
    LINE(431, "Request Header Fields Too Large"),
    LINE(500, "Internal Server Error"),
    LINE(501, "Not Implemented"),
    LINE(502, "Bad Gateway"),
    LINE(503, "Service Unavailable"),
    LINE(504, "Gateway Timeout"),
#undef LINE
};

struct str http_date(int64_t unix_s, char out[32])
{
    time_t t = (time_t)unix_s;
    struct tm tm;
    gmtime_r(&t, &tm);
    return (struct str){ out, strftime(out, 32, "%a, %d %b %Y %H:%M:%S GMT", &tm) };
}

/* The same text for all replies of a second. */
static struct str date_now(void)
{
    static _Thread_local char text[32];
    static _Thread_local struct str date;
    static _Thread_local int64_t second;
    int64_t now = clock_unix_ms() / 1000;
    if (now != second) date = http_date(second = now, text);
    return date;
}

/* A place with room enough, counted beforehand by head_size(). */
static char *put(char *to, struct str s)
{
    if (s.len) memcpy(to, s.p, s.len);
    return to + s.len;
}

static char *put_number(char *to, size_t n)
{
    char digits[24], *end = digits + sizeof digits, *p = end;
    do *--p = (char)('0' + n % 10);
    while (n /= 10);
    return put(to, (struct str){ p, (size_t)(end - p) });
}

static char *put_status(char *to, int status)
{
    for (size_t i = 0; i < sizeof status_lines / sizeof *status_lines; i++)
        if (status_lines[i].status == status) return put(to, status_lines[i].line);
    /* RFC 9112 4: the reason phrase may be empty, the blank before it not. */
    return put(put_number(put(to, STR("HTTP/1.1 ")), (size_t)status), STR(" \r\n"));
}

/* Response splitting stops here, whatever the caller let through. */
static bool is_clean(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0') return false;
    return true;
}

static char *put_header(char *to, struct header h)
{
    if (!is_clean(h.name) || !is_clean(h.value)) return to;
    return put(put(put(put(to, h.name), STR(": ")), h.value), STR("\r\n"));
}

static size_t head_size(const struct req *r)
{
    size_t n = FIXED_PART + r->content_type.len;
    for (size_t i = 0; i < r->reply_header_count; i++)
        n += r->reply_headers[i].name.len + r->reply_headers[i].value.len + 4;
    return n;
}

static bool is_length(struct header h)
{
    return h.name.len == 14 && str_ieq(h.name, STR("Content-Length"));
}

/* RFC 9110 8.6: none with 204; with HEAD, the length that GET would have, which a proxy has from upstream. */
static bool needs_length(const struct req *r)
{
    if (r->status == 204 || r->status == 304) return false;
    for (size_t i = 0; r->method == METHOD_HEAD && i < r->reply_header_count; i++)
        if (is_length(r->reply_headers[i])) return false;
    return true;
}

static char *put_length(char *to, const struct req *r, int64_t length)
{
    if (length == ANSWER_TO_END || !needs_length(r)) return to;
    if (length == ANSWER_CHUNKED) return put(to, STR("Transfer-Encoding: chunked\r\n"));
    return put(put_number(put(to, STR("Content-Length: ")), (size_t)length), STR("\r\n"));
}

static char *put_head(char *to, const struct req *r, enum answer_connection connection, int64_t length)
{
    static const struct str connections[] = {
        [ANSWER_PLAIN] = { "", 0 },
        [ANSWER_CLOSE] = { "Connection: close\r\n", 19 },
        [ANSWER_KEEP_ALIVE] = { "Connection: keep-alive\r\n", 24 },
    };
    to = put_status(to, r->status);
    to = put(put(put(to, STR("Date: ")), date_now()), STR("\r\n"));
    if (r->content_type.len) to = put_header(to, (struct header){ STR("Content-Type"), r->content_type });
    to = put_length(to, r, length);
    for (size_t i = 0; i < r->reply_header_count; i++)
        if (r->method == METHOD_HEAD || !is_length(r->reply_headers[i])) to = put_header(to, r->reply_headers[i]);
    return put(put(to, connections[connection]), STR("\r\n"));
}

void answer_head(struct buf *out, const struct req *r, enum answer_connection connection, int64_t length)
{
    char *start = buf_reserve(out, head_size(r));
    if (start) buf_grown(out, (size_t)(put_head(start, r, connection, length) - start));
}

struct str answer_write(struct buf *out, const struct req *r, enum answer_connection connection)
{
    bool has_body = r->method != METHOD_HEAD && r->status != 204 && r->status != 304;
    struct str body = has_body ? buf_str(&r->out) : STR("");
    bool is_copied = body.len <= COPIED_BODY;
    char *start = buf_reserve(out, head_size(r) + (is_copied ? body.len : 0));
    if (!start) return STR("");
    char *end = put_head(start, r, connection, (int64_t)r->out.len);
    if (is_copied) end = put(end, body);
    buf_grown(out, (size_t)(end - start));
    return is_copied ? STR("") : body;
}
