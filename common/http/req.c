#include "http/req.h"

#include <stdlib.h>

struct req *req_new(struct arena *arena)
{
    struct req *r = arena_new(arena, struct req);
    r->arena = *arena;
    r->holds = 1;
    buf_init(&r->out, LIMIT_REPLY);
    arena_init(arena);
    return r;
}

void req_hold(struct req *r)
{
    r->holds++;
}

void req_release(struct req *r)
{
    if (--r->holds > 0) return;
    buf_done(&r->out);
    struct arena arena = r->arena; /* the request lies in its own arena */
    arena_done(&arena);
}

static size_t header_find(const struct req *r, struct str name, struct str *ret_value)
{
    size_t n = 0;
    for (size_t i = 0; i < r->header_count; i++) {
        if (!str_ieq(r->headers[i].name, name)) continue;
        *ret_value = r->headers[i].value;
        n++;
    }
    return n;
}

struct str req_header(const struct req *r, struct str name)
{
    struct str value = STR_NONE;
    return header_find(r, name, &value) == 1 ? value : STR_NONE;
}

bool req_header_repeated(const struct req *r, struct str name)
{
    struct str value;
    return header_find(r, name, &value) > 1;
}

void req_reply_header(struct req *r, struct str name, struct str value)
{
    if (r->reply_header_count == REQ_REPLY_HEADERS) abort();
    r->reply_headers[r->reply_header_count++] = (struct header){ name, value };
}
