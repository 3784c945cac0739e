/* answer: the bytes of a reply (RFC 9110, RFC 9112). Pure but for the clock behind Date. */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "http/req.h"

struct evbuffer;

enum answer_connection { ANSWER_PLAIN, ANSWER_CLOSE, ANSWER_KEEP_ALIVE /* to HTTP/1.0 */ };

/* Appends status line, header fields and body of r's reply to `out`. HEAD, 204 and 304 get no body. A large body is moved
 * out of r->out, not copied. A reply header that holds CR, LF or NUL is left out. */
void answer_write(struct evbuffer *out, struct req *r, enum answer_connection connection);

/* IMF-fixdate (RFC 9110 5.6.7), 29 characters: "Sun, 06 Nov 1994 08:49:37 GMT". */
struct str http_date(int64_t unix_s, char out[32]);

#endif
