/* response: reads one HTTP/1.x reply out of pieces of any size.
 *
 * Knows Content-Length, chunked and "until the connection is closed". Keeps nothing of the reply but its status and the line under
 * way, so the pieces may all lie in one buffer. Never looks at the body. */
#ifndef BENCH_RESPONSE_H
#define BENCH_RESPONSE_H

#include "base/str.h"

enum { RESPONSE_LINE_MAX = 256 }; /* bytes kept of a line that arrives in pieces; no field that is looked at is longer */

enum response_state {
    RESPONSE_STATUS, /* these wait for the end of a line */
    RESPONSE_FIELD,
    RESPONSE_CHUNK_SIZE,
    RESPONSE_CHUNK_END,
    RESPONSE_TRAILER,
    RESPONSE_BODY, /* these for `left` bytes */
    RESPONSE_CHUNK,
    RESPONSE_UNTIL_CLOSE,
    RESPONSE_DONE,
    RESPONSE_BROKEN, /* not HTTP */
};

struct response {
    enum response_state state;
    int status;
    bool closes; /* the connection ends with this reply */
    bool has_retry_after;
    bool is_bodiless, is_chunked, has_length;
    uint64_t left;
    size_t line_len;
    char line[RESPONSE_LINE_MAX];
};

void response_begin(struct response *r, bool is_to_head); /* is_to_head: the request was a HEAD */
/* Bytes that belong to the reply: fewer than there are only when it is DONE or BROKEN. */
size_t response_feed(struct response *r, struct str piece);
bool response_end(struct response *r); /* the connection was closed; true: that completes the reply */

#endif
