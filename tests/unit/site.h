/* site: a real server in a thread of its own, and a client made of a socket. For the tests of http/server. */
#ifndef TESTS_SITE_H
#define TESTS_SITE_H

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/server.h"

enum { BODY_MAX = 64 * 1024, WAIT_S = 5 };

/* --- a server in a thread of its own ------------------------------------------------------------------------------ */

static struct site {
    struct event_base *base;
    struct server *server;
    pthread_t thread;
    int port;
    atomic_int gone;    /* requests answered after their client had vanished */
    atomic_int waiting; /* requests not answered yet */
    struct req *parked;
} site;

static inline void answer(struct req *r, int status)
{
    r->status = status;
    r->content_type = STR("text/plain");
    server_reply(r);
}

static inline void answer_later(evutil_socket_t fd, short what, void *arg)
{
    struct req *r = arg;
    (void)fd, (void)what;
    buf_addz(&r->out, "later");
    answer(r, 200);
    atomic_fetch_sub(&site.waiting, 1);
}

static inline void answer_when_gone(evutil_socket_t fd, short what, void *arg)
{
    struct req *r = arg;
    struct timeval soon = { 0, 2000 };
    (void)fd, (void)what;
    if (r->conn) {
        event_base_once(site.base, -1, EV_TIMEOUT, answer_when_gone, r, &soon);
        return;
    }
    buf_addz(&r->out, "to nobody");
    answer(r, 200);
    atomic_fetch_add(&site.gone, 1);
    atomic_fetch_sub(&site.waiting, 1);
}

static inline void path_later(struct req *r)
{
    struct timeval soon = { 0, 20000 };
    atomic_fetch_add(&site.waiting, 1);
    event_base_once(site.base, -1, EV_TIMEOUT, answer_later, r, &soon);
}

static inline void path_gone(struct req *r)
{
    atomic_fetch_add(&site.waiting, 1);
    answer_when_gone(-1, 0, r);
}

static inline void path_parked(struct req *r)
{
    atomic_fetch_add(&site.waiting, 1);
    site.parked = r;
}

static inline void path_close(struct req *r)
{
    r->close = true;
    answer(r, 200);
}

static inline void path_none(struct req *r)
{
    answer(r, 204);
}

static inline void path_big(struct req *r)
{
    int64_t n = 0;
    str_to_i64(r->query, 0, LIMIT_REPLY, &n);
    char *to = buf_reserve(&r->out, (size_t)n);
    for (int64_t i = 0; i < n; i++) to[i] = (char)('a' + i % 23);
    buf_grown(&r->out, (size_t)n);
    answer(r, 200);
}

static inline void path_echo(struct req *r)
{
    buf_addf(&r->out, "%.*s %.*s?%.*s [%.*s]", STR_ARG(method_names[r->method]), STR_ARG(r->path), STR_ARG(r->query),
             STR_ARG(r->body));
    answer(r, 200);
}

static inline void path_facts(struct req *r)
{
    buf_addf(&r->out, "%.*s %d %zu %.*s", STR_ARG(r->peer), r->tls, strlen(r->request_id), STR_ARG(r->client_request_id));
    req_reply_header(r, STR("X-Good"), STR("1"));
    req_reply_header(r, STR("X-Split"), STR("1\r\nX-Evil: 2"));
    answer(r, 201);
}

static inline void on_request(struct req *r)
{
    static const struct {
        const char *path;
        handler_fn handler;
    } paths[] = {
        { "/later", path_later }, { "/gone", path_gone }, { "/parked", path_parked }, { "/close", path_close },
        { "/none", path_none },   { "/big", path_big },   { "/facts", path_facts },
    };
    for (size_t i = 0; i < COUNT(paths); i++)
        if (str_is(r->path, paths[i].path)) return paths[i].handler(r);
    path_echo(r);
}

static inline void on_refused(struct req *r)
{
    buf_addz(&r->out, err_table[r->problem.code].slug);
    answer(r, err_table[r->problem.code].http);
}

static inline void *site_run(void *arg)
{
    (void)arg;
    event_base_loop(site.base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static inline void site_start(struct server_config config)
{
    config.address = "127.0.0.1";
    config.limits.body_max = BODY_MAX;
    config.on_request = on_request;
    config.on_refused = on_refused;
    site = (struct site){ .base = event_base_new() };
    site.server = server_new(site.base, &config);
    assert_non_null(site.server);
    site.port = server_port(site.server);
    assert_int_equal(pthread_create(&site.thread, NULL, site_run, NULL), 0);
}

/* Runs `fn` in the server's thread and waits for it. */
struct task {
    void (*fn)(void);
    sem_t done;
};

static inline void task_run(evutil_socket_t fd, short what, void *arg)
{
    struct task *t = arg;
    (void)fd, (void)what;
    if (t->fn) t->fn();
    sem_post(&t->done);
}

static inline void in_server(void (*fn)(void))
{
    struct task t = { .fn = fn };
    struct timeval now = { 0, 0 };
    sem_init(&t.done, 0, 0);
    event_base_once(site.base, -1, EV_TIMEOUT, task_run, &t, &now);
    sem_wait(&t.done);
    sem_destroy(&t.done);
}

static inline void site_stop(void)
{
    while (atomic_load(&site.waiting) > (site.parked != NULL)) in_server(NULL);
    event_base_loopexit(site.base, NULL);
    pthread_join(site.thread, NULL);
    server_free(site.server);
    if (site.parked) answer_later(-1, 0, site.parked); /* after the server: its connection is gone */
    event_base_free(site.base);
}

static inline int setup(void **state)
{
    (void)state;
    site_start((struct server_config){ 0 });
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    site_stop();
    return 0;
}

/* The server has read everything sent so far: its loop has been round often enough to accept and to read. */
static inline void let_it_read(void)
{
    for (int i = 0; i < 4; i++) in_server(NULL);
}

/* --- a client made of a socket ------------------------------------------------------------------------------------ */

struct talk {
    int fd;
    SSL *ssl;
    char in[2 * 1024 * 1024];
    size_t len, heard; /* bytes read; of these, in the last reply */
};

struct heard {
    int status;
    struct str head, body;
};

static inline struct talk *talk_new(void)
{
    struct talk *t = calloc(1, sizeof *t);
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)site.port) };
    struct timeval wait = { WAIT_S, 0 };
    int one = 1;
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    t->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(t->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    assert_int_equal(connect(t->fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return t;
}

static inline void talk_free(struct talk *t)
{
    SSL_free(t->ssl);
    close(t->fd);
    free(t);
}

/* false: the server has closed before it took all. */
static inline bool say(struct talk *t, struct str s)
{
    while (s.len) {
        ssize_t n = t->ssl ? SSL_write(t->ssl, s.p, (int)s.len) : send(t->fd, s.p, s.len, MSG_NOSIGNAL);
        if (n <= 0) return false;
        s = str_sub(s, (size_t)n, s.len);
    }
    return true;
}

static inline void say_z(struct talk *t, const char *z)
{
    say(t, str_of(z));
}

static inline bool read_more(struct talk *t)
{
    size_t room = sizeof t->in - t->len;
    ssize_t n = t->ssl ? SSL_read(t->ssl, t->in + t->len, (int)room) : recv(t->fd, t->in + t->len, room, 0);
    if (n <= 0) return false;
    t->len += (size_t)n;
    return true;
}

/* The next reply; status 0: none came. Its slices live until the next call. */
static inline struct heard hear(struct talk *t, bool is_head)
{
    char *end;
    memmove(t->in, t->in + t->heard, t->len -= t->heard);
    t->heard = 0;
    while (!(end = memmem(t->in, t->len, "\r\n\r\n", 4)))
        if (!read_more(t)) return (struct heard){ 0 };
    struct heard h = { .head = { t->in, (size_t)(end + 4 - t->in) } };
    size_t length = 0;
    end[3] = '\0';
    const char *field = strstr(t->in, "Content-Length: ");
    if (field && !is_head) length = strtoul(field + 16, NULL, 10);
    h.status = (int)strtol(t->in + 9, NULL, 10);
    while (t->len < h.head.len + length)
        if (!read_more(t)) return (struct heard){ 0 };
    h.body = (struct str){ t->in + h.head.len, length };
    t->heard = h.head.len + length;
    return h;
}

static inline bool has(struct heard h, const char *text)
{
    return memmem(h.head.p, h.head.len, text, strlen(text)) != NULL;
}

static inline void hear_is(struct talk *t, int status, const char *body)
{
    struct heard h = hear(t, false);
    if (h.status != status || !str_is(h.body, body)) fail_msg("%d %.*s; wanted %d %s", h.status, STR_ARG(h.body), status, body);
}

static inline void hear_end(struct talk *t)
{
    errno = 0;
    assert_int_equal(hear(t, false).status, 0);
    assert_int_equal(t->len, 0);
    assert_int_not_equal(errno, EAGAIN);     /* it closed; it is not merely silent */
    assert_int_not_equal(errno, ECONNRESET); /* and in order */
}

#define HOST "Host: crm\r\n"

static size_t site_count;

static inline void count_connections(void)
{
    site_count = server_connections(site.server);
}

static inline void wait_for_connections(size_t n)
{
    uint64_t until = clock_us() + WAIT_S * 1000000u;
    do in_server(count_connections);
    while (site_count != n && clock_us() < until);
    assert_int_equal(site_count, n);
}

#endif
