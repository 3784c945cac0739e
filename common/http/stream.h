/* stream: the bytes of one TCP connection, plain or TLS, without waiting.
 *
 * A lean stand-in for libevent's bufferevent: one system call to read what has come, one to write what is to go. What was
 * received lies in memory of the thread until stream_keep(), so an idle connection holds no buffer. With http/tls the only user
 * of OpenSSL's connections. */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "base/buf.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>

enum stream_event {
    STREAM_READABLE,
    STREAM_WRITABLE,  /* some of the output that waited is gone, perhaps all */
    STREAM_CONNECTED, /* after stream_connect(); with stream_secure(), the peer is who it should be */
    STREAM_FAILED,    /* could not connect; or the peer has taken nothing for STREAM_STALL_S */
};
enum stream_state { STREAM_DATA, STREAM_NOTHING, STREAM_END, STREAM_BROKEN };

enum { STREAM_STALL_S = 30, STREAM_READ = 64 * 1024 /* bytes at most per stream_read() */ };

struct stream {
    int fd;
    struct ssl_st *ssl; /* NULL: plain */
    struct str input;   /* received and not used yet: the owner cuts its front off */
    bool at_end;        /* the peer sends no more */

    struct buf kept;    /* where `input` lies between two events */
    struct buf out;     /* what the socket has not taken yet, from `out_from` on */
    size_t out_from;
    bool is_connecting, is_broken, read_waits_for_write;
    bool is_refused;    /* broken: the peer does not take our certificate, or wants one */
    const char *fault;  /* why TLS failed, in OpenSSL's words; static */
    struct event readable, writable;
    void (*on)(void *arg, enum stream_event what);
    void *arg;
};

typedef void (*stream_fn)(void *arg, enum stream_event what);

/* Takes over `fd`, non-blocking. `tls`: SSL_CTX of a server, or NULL. Reading is on. */
void stream_accept(struct stream *s, struct event_base *base, int fd, void *tls, stream_fn on, void *arg);

/* Connects; STREAM_CONNECTED or STREAM_FAILED comes from the loop. False: it failed at once (errno). */
bool stream_connect(struct stream *s, struct event_base *base, const struct sockaddr *to, socklen_t len, stream_fn on, void *arg);
/* At once after it: speaks TLS, as a client. `tls`: SSL_CTX. `name`: of a host, or a numeric address; the peer's certificate must be for it
 * (RFC 9525). The handshake is a part of connecting. */
void stream_secure(struct stream *s, void *tls, const char *name);
void stream_close(struct stream *s); /* also after a failed stream_connect() */

/* Adds what has come to `input`. A TLS handshake goes on here. After STREAM_END reading is off. */
enum stream_state stream_read(struct stream *s);
void stream_keep(struct stream *s); /* at the end of each callback that has read */
void stream_pause(struct stream *s); /* no STREAM_READABLE until stream_resume() */
void stream_resume(struct stream *s);
size_t stream_unread(const struct stream *s); /* bytes that wait in the socket */
bool stream_is_open(const struct stream *s); /* connected, and the TLS handshake is done */

/* Output goes to s->out (buf_add and others) and then on by one of these. False: the connection is broken. */
bool stream_flush(struct stream *s);
bool stream_write(struct stream *s, struct str more); /* s->out, then `more`, which is copied only as far as it must wait */
size_t stream_unsent(const struct stream *s);
void stream_end(struct stream *s); /* says that nothing more will come (close_notify, FIN); reading goes on */

#endif
