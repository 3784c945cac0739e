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
    WIRE_MORE,     /* nothing whole yet */
    WIRE_CONTINUE, /* the head is accepted and the client waits for "100 Continue" before it sends the body */
    WIRE_REQUEST,  /* `asked` is whole */
    WIRE_REFUSED,  /* answer `code` and close; `asked` holds what could be read */
};

/* All slices lie in `arena`, which goes to the one who takes the request. */
struct asked {
    struct arena arena;
    enum method method;
    struct str target, path, query, body;
    struct header *headers;
    size_t header_count;
    bool keep_alive, is_1_0;
};

struct wire {
    size_t body_max;
    enum { WIRE_HEAD, WIRE_BODY, WIRE_CHUNKED, WIRE_WHOLE, WIRE_BROKEN } phase;
    struct asked asked;
    uint64_t left;   /* of Content-Length */
    struct buf body; /* the part of it that came before the rest */
    struct chunked chunked;
    enum err_code code;
    const char *reason; /* static text */
};

void wire_init(struct wire *w, size_t body_max);
void wire_done(struct wire *w);

/* Reads on, up to one whole request; what follows it stays in `in`. */
enum wire_result wire_read(struct wire *w, struct str *in);

/* Hands over the whole or refused request; the wire is ready for the next one, or stays broken. */
struct asked wire_take(struct wire *w);

/* For limits that only the caller knows, such as time. */
void wire_refuse(struct wire *w, enum err_code code, const char *reason);

#endif
