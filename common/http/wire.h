/* wire: the bytes of one connection -> whole, strictly valid requests (RFC 9112).
 *
 * Takes its input from a slice, of which it cuts off what it has used, and writes nowhere; knows neither sockets nor clocks.
 * A request split at any byte gives what the whole one gives. What is refused stays refused: after a framing error nobody
 * knows where the next request starts. */
#ifndef HTTP_WIRE_H
#define HTTP_WIRE_H

#include "http/chunked.h"
#include "http/head.h"

enum wire_result {
    WIRE_MORE,      /* nothing whole yet */
    WIRE_ANNOUNCED, /* a body follows the head in `asked`: body_max may still be set for it */
    WIRE_CONTINUE,  /* the client waits for "100 Continue" before it sends the body */
    WIRE_REQUEST,   /* `asked` is whole */
    WIRE_BEGUN,     /* `asked` is whole but for its body, which is longer than `window`: this is its begin */
    WIRE_PIECE,     /* of that body: `piece`, valid until the next call */
    WIRE_END,       /* of that body; `piece` is its last one, perhaps empty */
    WIRE_REFUSED,   /* answer `code` and close; `asked` holds what could be read */
};

/* All slices lie in `arena`, which goes to the one who takes the request. */
struct asked {
    struct arena arena;
    enum method method;
    struct str target, path, query, body;
    struct header *headers;
    size_t header_count;
    int64_t body_length; /* of the whole body; -1: chunked, nobody knows yet */
    bool keep_alive, is_1_0;
};

/* Bytes, but for `headers`. 0: as base/limits.h has it, but for `window`. */
struct wire_limits {
    size_t head, headers, target;
    size_t body;
    size_t window; /* of a body, that are collected at most; 0: all of it */
};

struct wire {
    const struct wire_limits *limits; /* borrowed; may change between two calls */
    size_t body_max;                  /* of this request */
    enum { WIRE_HEAD, WIRE_LIMIT, WIRE_BODY, WIRE_CHUNKED, WIRE_WHOLE, WIRE_ENDED, WIRE_BROKEN } phase;
    struct asked asked;
    bool expects_continue, streams; /* streams: between WIRE_BEGUN and WIRE_END */
    uint64_t left;   /* of Content-Length */
    struct buf body; /* the part of it that came before the rest */
    struct chunked chunked;
    struct str piece;
    enum err_code code;
    const char *reason; /* static text */
};

/* The owner may set another limit for a body at WIRE_ANNOUNCED. */
void wire_init(struct wire *w, const struct wire_limits *limits);
void wire_done(struct wire *w);

/* Reads on, up to one whole request; what follows it stays in `in`. */
enum wire_result wire_read(struct wire *w, struct str *in);

/* Hands over the whole, begun or refused request; the wire is ready for what follows it, or stays broken. */
struct asked wire_take(struct wire *w);

/* For limits that only the caller knows, such as time. */
void wire_refuse(struct wire *w, enum err_code code, const char *reason);

#endif
