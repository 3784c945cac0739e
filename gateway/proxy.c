#include "gateway.h"

#include "base/clock.h"
#include "http/reply.h"
#include "http/worker.h"

/* RFC 9110 section 7.6.1, and what the connection towards the service decides for itself. */
static const struct str hop_by_hop[] = {
    STR("Connection"),
    STR("Keep-Alive"),
    STR("Proxy-Connection"),
    STR("Proxy-Authenticate"),
    STR("Proxy-Authorization"),
    STR("TE"),
    STR("Trailer"),
    STR("Transfer-Encoding"),
    STR("Upgrade"),
    STR("Host"),
    STR("Content-Length"),
    STR("Expect"),
};
/* A client must not speak as the gateway. */
static const struct str reserved[] = { STR("X-User-"),    STR("X-Forwarded-"), STR("X-Internal-"),
                                       STR("X-Request-"), STR("Forwarded"),    STR("X-Real-IP") };
/* The gateway's own in its replies. */
static const struct str own[] = { STR("Date"), STR("Content-Type"), STR("X-Request-Id"), STR("Server") };

enum { FORWARD_MAX = LIMIT_HEADERS + 4, COUNT_HOP = sizeof hop_by_hop / sizeof *hop_by_hop };

static bool is_in(const struct str *list, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_ieq(list[i], name)) return true;
    return false;
}

static bool is_reserved(struct str name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (name.len >= reserved[i].len && str_ieq(str_sub(name, 0, reserved[i].len), reserved[i])) return true;
    return false;
}

/* "Connection: close, X-Foo" makes X-Foo hop-by-hop too. */
static bool is_named_by_connection(const struct header *headers, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (!str_ieq(headers[i].name, STR("Connection"))) continue;
        struct str rest = headers[i].value;
        while (!str_is_none(rest))
            if (str_ieq(str_trim(str_cut(&rest, ',')), name)) return true;
    }
    return false;
}

static int remaining_ms(const struct req *r)
{
    uint64_t now = clock_us();
    return r->deadline_us > now ? (int)((r->deadline_us - now) / 1000) + 1 : 1;
}

static size_t forward_headers(struct req *r, struct header *out)
{
    size_t n = 0;
    for (size_t i = 0; i < r->header_count; i++) {
        struct header h = r->headers[i];
        if (is_in(hop_by_hop, COUNT_HOP, h.name) || is_reserved(h.name) ||
            is_named_by_connection(r->headers, r->header_count, h.name))
            continue;
        out[n++] = h;
    }
    out[n++] = (struct header){ STR("X-Request-Id"), str_of(r->request_id) };
    out[n++] = (struct header){ STR("X-Request-Timeout-Ms"), arena_printf(&r->arena, "%d", remaining_ms(r)) };
    out[n++] = (struct header){ STR("X-Forwarded-For"), r->peer };
    out[n++] = (struct header){ STR("X-Forwarded-Proto"), STR("https") };
    return n;
}

static void fail(struct req *r, enum client_error error)
{
    static const enum err_code codes[] = {
        [CLIENT_CONNECT] = E_SERVICE_DOWN, [CLIENT_TIMEOUT] = E_GATEWAY_TIMEOUT, [CLIENT_PROTOCOL] = E_BAD_GATEWAY,
        [CLIENT_CLOSED] = E_BAD_GATEWAY,   [CLIENT_TOO_LARGE] = E_BAD_GATEWAY,   [CLIENT_BUSY] = E_OVERLOADED,
    };
    if (err_table[codes[error]].http == 503) r->problem.retry_after_s = 1;
    reply_fail(r, codes[error]);
}

static void copy_headers(struct req *r, const struct client_reply *reply, struct str *ret_type)
{
    size_t room = REQ_REPLY_HEADERS - r->reply_header_count - 8; /* what the gateway itself adds */
    for (size_t i = 0; i < reply->header_count; i++) {
        struct header h = reply->headers[i];
        if (str_ieq(h.name, STR("Content-Type"))) *ret_type = arena_dup(&r->arena, h.value);
        if (is_in(hop_by_hop, COUNT_HOP, h.name) || is_in(own, sizeof own / sizeof *own, h.name)) continue;
        if (is_named_by_connection(reply->headers, reply->header_count, h.name) || room-- == 0) continue;
        req_reply_header(r, arena_dup(&r->arena, h.name), arena_dup(&r->arena, h.value));
    }
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct req *r = arg;
    struct str type = STR_NONE;
    if (reply->error != CLIENT_OK) {
        fail(r, reply->error);
    } else {
        copy_headers(r, reply, &type);
        if (reply->status == 304) reply_not_modified(r);
        else reply_raw(r, reply->status, type, reply->body);
    }
    req_release(r);
}

void proxy(struct req *r)
{
    struct gateway *g = r->worker->extra;
    struct header headers[FORWARD_MAX];
    struct client_request request = {
        .method = r->method == METHOD_HEAD ? METHOD_GET : r->method, /* the server sends no body for HEAD, but its length */
        .target = r->target,
        .headers = headers,
        .header_count = forward_headers(r, headers),
        .body = r->body,
        .timeout_ms = remaining_ms(r),
        .reply_max = LIMIT_REPLY,
        .idempotent = r->method == METHOD_GET || r->method == METHOD_HEAD,
    };
    req_hold(r);
    client_send(g->upstream[r->route->service], &request, on_reply, r);
}
