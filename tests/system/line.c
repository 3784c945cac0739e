/* Bytes as they are, over TCP or TLS, and the replies to them one by one. */
#include "line.h"

#include "expect.h"
#include "pool.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { WAIT_S = 10 };

void line_close(struct line *l)
{
    if (l->fd < 0) return;
    SSL_free(l->ssl);
    SSL_CTX_free(l->ctx);
    free(l->in);
    close(l->fd);
    *l = (struct line){ .fd = -1 };
}

static void line_free(void *p)
{
    line_close(p);
    free(p);
}

struct line *line_open(const char *url)
{
    struct line *l = calloc(1, sizeof *l);
    if (!l) abort();
    l->fd = raw_connect(url);
    pool_keep(l, line_free);
    expect(l->fd >= 0, "cannot connect to %s", url);
    setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = WAIT_S }, sizeof(struct timeval));
    if (strncmp(url, "https:", 6)) return l;
    l->ctx = SSL_CTX_new(TLS_client_method());
    l->ssl = SSL_new(l->ctx);
    SSL_set_fd(l->ssl, l->fd);
    expect(SSL_connect(l->ssl) == 1, "no handshake with %s", url);
    return l;
}

void line_send(struct line *l, const char *bytes, size_t len)
{
    if (!l->ssl) return raw_send(l->fd, bytes, len);
    if (len) SSL_write(l->ssl, bytes, (int)len); /* refused already: the answer is what counts */
}

/* --- what comes back ---------------------------------------------------------------------------------------------- */

/* false: the end, or nothing in time. */
static bool more(struct line *l)
{
    char part[16384];
    int n = l->ssl ? SSL_read(l->ssl, part, sizeof part) : (int)recv(l->fd, part, sizeof part, 0);
    if (n <= 0) {
        l->has_ended = l->ssl ? SSL_get_error(l->ssl, n) == SSL_ERROR_ZERO_RETURN : n == 0;
        return false;
    }
    l->in = realloc(l->in, l->len + (size_t)n);
    if (!l->in) abort();
    memcpy(l->in + l->len, part, (size_t)n);
    l->len += (size_t)n;
    return true;
}

/* NULL: they do not come. */
static char *take(struct line *l, size_t n)
{
    while (l->len < n)
        if (!more(l)) return NULL;
    char *taken = calloc(n + 1, 1);
    if (!taken) abort();
    if (n) memcpy(taken, l->in, n);
    l->len -= n;
    if (l->len) memmove(l->in, l->in + n, l->len);
    return pool_keep(taken, free);
}

static char *take_through(struct line *l, const char *end)
{
    char *at;
    while (!l->len || !(at = memmem(l->in, l->len, end, strlen(end))))
        if (!more(l)) return NULL;
    return take(l, (size_t)(at - l->in) + strlen(end));
}

/* RFC 9112 7.1, without trailers: our servers send none. */
static char *take_chunks(struct line *l)
{
    char *body = text("%s", "");
    for (;;) {
        char *size = take_through(l, "\r\n");
        size_t n = size ? strtoul(size, NULL, 16) : 0;
        char *data = size ? take(l, n) : NULL, *end = data ? take(l, 2) : NULL;
        if (!end || strcmp(end, "\r\n")) return NULL;
        if (n == 0) return body;
        body = text("%s%s", body, data);
    }
}

static char *take_body(struct line *l, const struct reply *r, const char *method)
{
    const char *length = header(r, "Content-Length"), *coding = header(r, "Transfer-Encoding");
    if (r->status < 200 || r->status == 204 || r->status == 304 || !strcmp(method, "HEAD")) return text("%s", "");
    if (coding && !strcasecmp(coding, "chunked")) return take_chunks(l);
    return length ? take(l, strtoul(length, NULL, 10)) : NULL;
}

struct reply *line_reply(struct line *l, const char *method)
{
    struct reply *r = calloc(1, sizeof *r);
    const char *head = take_through(l, "\r\n\r\n"), *body = NULL;
    if (!r || !(r->head = strdup(head ? head : "")) || !(r->what = strdup(method))) abort();
    r->status = raw_status(r->head);
    if (head) body = take_body(l, r, method);
    if (!body) r->status = 0;
    r->body = strdup(body ? body : "");
    if (!r->body) abort();
    r->len = strlen(r->body);
    return reply_keep(r);
}

bool line_is_over(struct line *l)
{
    return !l->len && !more(l) && l->has_ended;
}
