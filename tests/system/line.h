/* line: a connection of our own, plain or TLS as its URL says, for bytes that no HTTP library would send.
 *
 * Always to this machine; the certificate is not judged. Replies are read one by one, each to where its framing says that it
 * ends, so that what is left over is seen as the next one. */
#ifndef SYSTEM_LINE_H
#define SYSTEM_LINE_H

#include <openssl/ssl.h>

#include "http.h"

struct line {
    int fd;      /* -1: closed by us */
    SSL_CTX *ctx;
    SSL *ssl;    /* NULL: plain */
    char *in;    /* received, not taken yet */
    size_t len;
    bool has_ended; /* by FIN, over TLS by close_notify; not by a reset */
};

struct line *line_open(const char *url); /* the test ends when there is none; closed with the test at the latest */
void line_close(struct line *l);

void line_send(struct line *l, const char *bytes, size_t len);

/* The next reply, an interim one too; status 0: none came. `method` is what it answers: a HEAD has no body. */
struct reply *line_reply(struct line *l, const char *method);

bool line_is_over(struct line *l); /* the peer ends the connection, and nothing more comes before that */

#endif
