#include "forward.h"

#include "base/base64.h"
#include "base/percent.h"
#include "http/traceparent.h"

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
                                       STR("X-Request-"), STR("Forwarded"),    STR("X-Real-IP"),   STR("X-Audit"),
                                       STR("traceparent"), STR("tracestate") };
/* The gateway's own in its replies. */
static const struct str changes_header = STR("X-Audit-Changes"); /* for the audit alone */
static const struct str own[] = { STR("Date"),   STR("Content-Type"),    STR("X-Request-Id"),
                                  STR("Server"), STR("X-Audit-Changes"), STR("X-Records") };

enum { COUNT_HOP = sizeof hop_by_hop / sizeof *hop_by_hop };

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

/* W3C Trace Context: the trace goes on with the gateway as parent; the state of one that does not is nobody's. */
static size_t forward_trace(struct req *r, struct header *out)
{
    struct traceparent trace;
    struct header parent = { STR("traceparent"), STR_NONE };
    bool goes_on = traceparent_continue(req_header(r, parent.name), &trace);
    parent.value = traceparent_write(&trace, arena_alloc(&r->arena, TRACEPARENT_LEN + 1));
    size_t n = 0;
    out[n++] = parent;
    struct str state = goes_on ? req_header(r, STR("tracestate")) : STR_NONE;
    if (!str_is_none(state)) out[n++] = (struct header){ STR("tracestate"), state };
    return n;
}

size_t forward_request(struct req *r, int timeout_ms, struct header out[FORWARD_MAX])
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
    out[n++] = (struct header){ STR("X-Request-Timeout-Ms"), arena_printf(&r->arena, "%d", timeout_ms) };
    out[n++] = (struct header){ STR("X-Forwarded-For"), r->peer };
    if (r->route->audited) out[n++] = (struct header){ STR("X-Audit"), STR("1") };
    out[n++] = (struct header){ STR("X-Forwarded-Proto"), r->tls ? STR("https") : STR("http") };
    return n + forward_trace(r, out + n);
}

struct str forward_target(struct req *r)
{
    size_t sent = r->target.len - (str_is_none(r->query) ? 0 : r->query.len + 1);
    struct str path = percent_encode_path(&r->arena, r->path);
    if (str_eq(path, str_sub(r->target, 0, sent))) return r->target; /* nearly always */
    return str_is_none(r->query) ? path : arena_printf(&r->arena, "%.*s?%.*s", STR_ARG(path), STR_ARG(r->query));
}

void forward_reply(struct req *r, const struct client_reply *reply, struct str *ret_type)
{
    size_t room = REQ_REPLY_HEADERS - r->reply_header_count - 8; /* what the gateway itself adds */
    for (size_t i = 0; i < reply->header_count; i++) {
        struct header h = reply->headers[i];
        if (str_ieq(h.name, changes_header)) base64url_decode(&r->arena, h.value, &r->changes);
        if (str_ieq(h.name, STR("X-Records"))) str_to_i64(h.value, 0, INT32_MAX, &r->records);
        if (str_ieq(h.name, STR("Content-Type"))) *ret_type = arena_dup(&r->arena, h.value);
        if (is_in(hop_by_hop, COUNT_HOP, h.name) || is_in(own, sizeof own / sizeof *own, h.name)) continue;
        if (is_named_by_connection(reply->headers, reply->header_count, h.name) || room-- == 0) continue;
        req_reply_header(r, arena_dup(&r->arena, h.name), arena_dup(&r->arena, h.value));
    }
}
