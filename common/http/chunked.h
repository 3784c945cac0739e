/* chunked: decoder of the chunked transfer coding (RFC 9112 7.1), for requests and responses.
 *
 * Cuts what it has used off a slice, however the bytes are split. Extensions and trailers are checked and dropped. Refuses signs,
 * prefixes and blanks around a size, sizes that overflow, bare LF, and more than LIMIT_HEAD of extensions and trailers. */
#ifndef HTTP_CHUNKED_H
#define HTTP_CHUNKED_H

#include "base/buf.h"

enum chunked_result { CHUNKED_MORE, CHUNKED_DONE, CHUNKED_BAD, CHUNKED_TOO_LARGE };

struct chunked {
    enum { CHUNKED_SIZE, CHUNKED_DATA, CHUNKED_DATA_END, CHUNKED_TRAILER } phase;
    uint64_t left;      /* of the current chunk */
    size_t max, total;  /* bytes of the decoded body: at most, so far */
    size_t dropped;     /* bytes of extensions and trailers so far */
    struct buf body;    /* decoded; a caller that streams clears it after each call */
    const char *reason; /* static text, after CHUNKED_BAD */
};

void chunked_init(struct chunked *c, size_t body_max);
void chunked_done(struct chunked *c);
enum chunked_result chunked_read(struct chunked *c, struct str *in);

enum { CHUNK_HEAD = 20 }; /* bytes at most of the line before a chunk's data, as we write it */
struct str chunk_head(size_t size, char out[CHUNK_HEAD]); /* "1f4\r\n"; the data and CRLF follow */
#define CHUNKED_LAST STR("0\r\n\r\n")

/* The size in a chunk's first line (without CRLF): false for anything but 1-16 hex digits and an optional extension. */
bool chunk_size_read(struct str line, uint64_t *ret);

#endif
