/* answer: the bytes of a reply (RFC 9110, RFC 9112). Pure but for the clock behind Date. */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "http/req.h"

enum answer_connection { ANSWER_PLAIN, ANSWER_CLOSE, ANSWER_KEEP_ALIVE /* to HTTP/1.0 */ };

/* Appends status line, header fields and, if it is short, the body of r's reply to `out`; returns what is left of the body to be
 * sent. HEAD, 204 and 304 get no body. A reply header that holds CR, LF or NUL is left out. */
struct str answer_write(struct buf *out, const struct req *r, enum answer_connection connection);

/* The same without any body: of one that comes later, `length` bytes of it, or one of these. */
enum { ANSWER_CHUNKED = -1, ANSWER_TO_END = -2 /* for HTTP/1.0: the end of the connection is its end */ };
void answer_head(struct buf *out, const struct req *r, enum answer_connection connection, int64_t length);

/* IMF-fixdate (RFC 9110 5.6.7), 29 characters: "Sun, 06 Nov 1994 08:49:37 GMT". */
struct str http_date(int64_t unix_s, char out[32]);

#endif
