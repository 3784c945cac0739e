#include "http/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KEPT_MAX = 1024 * 1024, OUT_MAX = 64 * 1024 * 1024 };

static const struct timeval stall = { STREAM_STALL_S, 0 };

/* --- life --------------------------------------------------------------------------------------------------------- */

static void want_write(struct stream *s)
{
    event_add(&s->writable, &stall);
}

static void handshake(struct stream *s);

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct stream *s = arg;
    (void)fd, (void)what;
    if (s->is_connecting) return handshake(s);
    s->on(s->arg, STREAM_READABLE);
}

static void on_connected(struct stream *s)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error) return s->on(s->arg, STREAM_FAILED);
    stream_resume(s);
    if (s->ssl) return handshake(s);
    s->is_connecting = false;
    s->on(s->arg, STREAM_CONNECTED);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct stream *s = arg;
    (void)fd;
    if (what & EV_TIMEOUT) return s->on(s->arg, STREAM_FAILED);
    if (s->is_connecting) return on_connected(s);
    bool was_reading = s->read_waits_for_write;
    s->read_waits_for_write = false;
    s->on(s->arg, was_reading ? STREAM_READABLE : STREAM_WRITABLE);
}

static void stream_init(struct stream *s, struct event_base *base, int fd, stream_fn on, void *arg)
{
    *s = (struct stream){ .fd = fd, .on = on, .arg = arg };
    buf_init(&s->kept, KEPT_MAX);
    buf_init(&s->out, OUT_MAX);
    event_assign(&s->readable, base, fd, EV_READ | EV_PERSIST, on_readable, s);
    event_assign(&s->writable, base, fd, EV_WRITE, on_writable, s);
}

static void tls_init(struct stream *s, void *tls)
{
    s->ssl = SSL_new(tls);
    if (!s->ssl || SSL_set_fd(s->ssl, s->fd) != 1) abort();
    SSL_set_mode(s->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_read_ahead(s->ssl, 1); /* a record in one recv() instead of two */
}

void stream_accept(struct stream *s, struct event_base *base, int fd, void *tls, stream_fn on, void *arg)
{
    stream_init(s, base, fd, on, arg);
    stream_resume(s);
    if (!tls) return;
    tls_init(s, tls);
    SSL_set_accept_state(s->ssl);
}

bool stream_connect(struct stream *s, struct event_base *base, const struct sockaddr *to, socklen_t len, stream_fn on, void *arg)
{
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    stream_init(s, base, fd, on, arg);
    if (fd < 0) return false;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, to, len) != 0 && errno != EINPROGRESS) return false;
    s->is_connecting = true;
    event_add(&s->writable, NULL); /* the owner limits the time */
    return true;
}

void stream_close(struct stream *s)
{
    if (s->fd < 0) return;
    event_del(&s->readable);
    event_del(&s->writable);
    if (s->ssl) {
        if (!s->is_broken && SSL_is_init_finished(s->ssl)) SSL_shutdown(s->ssl);
        SSL_free(s->ssl);
        ERR_clear_error(); /* the thread's error queue is everybody's */
    }
    close(s->fd);
    buf_done(&s->kept);
    buf_done(&s->out);
    s->fd = -1;
}

bool stream_is_open(const struct stream *s)
{
    return !s->is_connecting && (!s->ssl || SSL_is_init_finished(s->ssl));
}

/* --- TLS as a client ---------------------------------------------------------------------------------------------- */

/* The subject's common name counts for nothing (RFC 9525, 2), nor does a wildcard that is a part of a label. */
void stream_secure(struct stream *s, void *tls, const char *name)
{
    struct in6_addr number;
    tls_init(s, tls);
    X509_VERIFY_PARAM *wanted = SSL_get0_param(s->ssl);
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool is_number = inet_pton(AF_INET, name, &number) == 1 || inet_pton(AF_INET6, name, &number) == 1;
    int ok = is_number ? X509_VERIFY_PARAM_set1_ip_asc(wanted, name)
                       : X509_VERIFY_PARAM_set1_host(wanted, name, 0) && SSL_set_tlsext_host_name(s->ssl, name);
    if (!ok) abort();
    SSL_set_connect_state(s->ssl);
}

static const char *fault_of(const SSL *ssl)
{
    long verified = SSL_get_verify_result(ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (verified != X509_V_OK) return X509_verify_cert_error_string(verified);
    return reason ? reason : "the peer has closed the connection";
}

static void handshake(struct stream *s)
{
    int n = SSL_do_handshake(s->ssl), error = SSL_get_error(s->ssl, n);
    if (error == SSL_ERROR_WANT_READ) return;
    if (error == SSL_ERROR_WANT_WRITE) {
        event_add(&s->writable, NULL);
        return;
    }
    if (n == 1) s->is_connecting = false;
    else s->fault = fault_of(s->ssl);
    s->is_broken = n != 1;
    ERR_clear_error();
    s->on(s->arg, n == 1 ? STREAM_CONNECTED : STREAM_FAILED);
}

/* RFC 8446, 6.2: what a server says of a client's certificate. */
static bool is_refusal(unsigned long error)
{
    static const int alerts[] = {
        SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,     SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
        SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,     SSL_R_TLSV1_ALERT_UNKNOWN_CA,
        SSL_R_TLSV1_ALERT_ACCESS_DENIED,       SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
    };
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
        if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == alerts[i]) return true;
    return false;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* What a call says that has transferred nothing. */
static enum stream_state nothing_read(struct stream *s, int n)
{
    if (!s->ssl) {
        if (n == 0) return STREAM_END;
        return errno == EAGAIN || errno == EINTR ? STREAM_NOTHING : STREAM_BROKEN;
    }
    int error = SSL_get_error(s->ssl, n);
    s->is_refused = error == SSL_ERROR_SSL && is_refusal(ERR_peek_last_error());
    if (s->is_refused) s->fault = fault_of(s->ssl);
    ERR_clear_error();
    switch (error) {
    case SSL_ERROR_WANT_READ: return STREAM_NOTHING;
    case SSL_ERROR_WANT_WRITE: s->read_waits_for_write = true; want_write(s); return STREAM_NOTHING;
    case SSL_ERROR_ZERO_RETURN: return STREAM_END;
    default: return STREAM_BROKEN;
    }
}

/* OpenSSL gives a record at a time, and no event tells of what it has read ahead. */
static int read_tls(struct stream *s, char *to, int room)
{
    int n = SSL_read(s->ssl, to, room), got = n;
    while (got > 0 && n < room && SSL_has_pending(s->ssl)) {
        got = SSL_read(s->ssl, to + n, room - n);
        if (got > 0) n += got;
        else ERR_clear_error(); /* the next call meets it again */
    }
    if (n > 0 && (n == room || got <= 0)) event_active(&s->readable, EV_READ, 1);
    return n;
}

static void input_add(struct stream *s, struct str fresh)
{
    if (s->input.len == 0) {
        s->input = fresh;
        return;
    }
    memmove(s->kept.data, s->input.p, s->input.len); /* to the front: what lay before it was used */
    s->kept.len = s->input.len;
    buf_add(&s->kept, fresh);
    s->input = buf_str(&s->kept);
}

enum stream_state stream_read(struct stream *s)
{
    static _Thread_local char scratch[STREAM_READ];
    if (s->is_broken) return STREAM_BROKEN;
    stream_keep(s);
    int n = s->ssl ? read_tls(s, scratch, sizeof scratch) : (int)recv(s->fd, scratch, sizeof scratch, 0);
    if (n > 0) {
        input_add(s, (struct str){ scratch, (size_t)n });
        s->is_broken = !buf_ok(&s->kept);
        return s->is_broken ? STREAM_BROKEN : STREAM_DATA;
    }
    enum stream_state state = nothing_read(s, n);
    s->at_end = state == STREAM_END;
    s->is_broken = state == STREAM_BROKEN;
    if (s->at_end) stream_pause(s); /* the end of file stays readable */
    return state;
}

void stream_keep(struct stream *s)
{
    bool lies_there = s->kept.len && s->input.p >= s->kept.data && s->input.p <= s->kept.data + s->kept.len;
    if (s->input.len == 0) {
        buf_done(&s->kept);
        s->input = STR("");
    } else if (!lies_there) {
        buf_clear(&s->kept);
        buf_add(&s->kept, s->input);
        s->input = buf_str(&s->kept);
    }
}

void stream_pause(struct stream *s)
{
    event_del(&s->readable);
}

void stream_resume(struct stream *s)
{
    if (s->at_end || event_pending(&s->readable, EV_READ, NULL)) return;
    event_add(&s->readable, NULL);
    if (s->ssl && SSL_has_pending(s->ssl)) event_active(&s->readable, EV_READ, 1);
}

size_t stream_unread(const struct stream *s)
{
    int n = 0;
    ioctl(s->fd, FIONREAD, &n);
    return (size_t)n;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

size_t stream_unsent(const struct stream *s)
{
    return s->out.len - s->out_from;
}

static struct str unsent(const struct stream *s)
{
    return str_sub(buf_str(&s->out), s->out_from, s->out.len);
}

/* Bytes taken by the socket; 0: none now; < 0: broken. */
static ssize_t send_tls(struct stream *s, struct str bytes)
{
    size_t sent = 0;
    while (sent < bytes.len) {
        size_t left = bytes.len - sent;
        int n = SSL_write(s->ssl, bytes.p + sent, left < INT32_MAX ? (int)left : INT32_MAX);
        if (n > 0) {
            sent += (size_t)n;
            continue;
        }
        int error = SSL_get_error(s->ssl, n);
        ERR_clear_error();
        bool waits = error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ;
        return waits ? (ssize_t)sent : -1;
    }
    return (ssize_t)sent;
}

static ssize_t send_plain(struct stream *s, struct str first, struct str second)
{
    struct iovec parts[] = { { (void *)(uintptr_t)first.p, first.len }, { (void *)(uintptr_t)second.p, second.len } };
    struct msghdr message = { .msg_iov = first.len ? parts : parts + 1, .msg_iovlen = first.len && second.len ? 2 : 1 };
    ssize_t n = second.len ? sendmsg(s->fd, &message, MSG_NOSIGNAL) : send(s->fd, first.p, first.len, MSG_NOSIGNAL);
    return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static ssize_t send_both(struct stream *s, struct str first, struct str second)
{
    if (!s->ssl) return send_plain(s, first, second);
    ssize_t n = send_tls(s, first);
    if (n < (ssize_t)first.len || !second.len) return n;
    ssize_t more = send_tls(s, second);
    return more < 0 ? more : n + more;
}

/* What the socket has left waits in `out`. */
static bool rest_keep(struct stream *s, size_t sent, struct str more)
{
    size_t queued = stream_unsent(s), of_more = sent > queued ? sent - queued : 0;
    s->out_from += sent - of_more;
    if (stream_unsent(s) == 0) {
        buf_done(&s->out);
        s->out_from = 0;
    }
    buf_add(&s->out, str_sub(more, of_more, more.len));
    /* The time limit runs from the last byte that was taken. */
    if (stream_unsent(s) && (sent || !event_pending(&s->writable, EV_WRITE, NULL))) want_write(s);
    return buf_ok(&s->out);
}

bool stream_write(struct stream *s, struct str more)
{
    if (s->is_broken || !buf_ok(&s->out)) return false;
    if (stream_unsent(s) + more.len == 0) return true;
    ssize_t sent = send_both(s, unsent(s), more);
    s->is_broken = sent < 0;
    return sent >= 0 && rest_keep(s, (size_t)sent, more);
}

bool stream_flush(struct stream *s)
{
    return stream_write(s, STR(""));
}

void stream_end(struct stream *s)
{
    if (s->ssl && SSL_is_init_finished(s->ssl) && SSL_shutdown(s->ssl) < 0) ERR_clear_error();
    shutdown(s->fd, SHUT_WR);
}
