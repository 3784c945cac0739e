#include "drive.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { ROOM = 256 * 1024, GRACE_US = 5 * 1000 * 1000, QUEUE = 1 << 20, EVENTS = 256 };

struct conn {
    int fd;
    SSL *ssl;
    bool busy;
    uint64_t begun_us;
    size_t have; /* bytes of the reply under way */
    char *room;  /* ROOM bytes */
};

static struct {
    const struct target *target;
    struct results *results;
    int epoll;
    struct conn *conns, **idle;
    size_t idle_count, next_id, under_way;
    uint64_t *arrived; /* open loop: requests that wait for a connection, a ring */
    size_t first, last;
    bool is_open_loop, is_over;
} loop;

/* --- one connection ----------------------------------------------------------------------------------------------- */

/* Connects and shakes hands while nothing is measured, or after the server has closed. */
static bool conn_connect(struct conn *c)
{
    const struct target *t = loop.target;
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&t->address, sizeof t->address) != 0) return false;
    if (t->tls) {
        c->ssl = SSL_new(t->tls);
        if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1) return errno = EPROTO, false;
        SSL_set_read_ahead(c->ssl, 1);
    }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
    return epoll_ctl(loop.epoll, EPOLL_CTL_ADD, c->fd, &e) == 0;
}

static void conn_close(struct conn *c)
{
    if (c->ssl) SSL_free(c->ssl);
    if (c->fd >= 0) close(c->fd);
    c->ssl = NULL;
    c->fd = -1;
    c->have = 0;
}

static ssize_t conn_read(struct conn *c)
{
    char *to = c->room + c->have;
    size_t room = ROOM - c->have;
    if (!c->ssl) return recv(c->fd, to, room, 0);
    int n = SSL_read(c->ssl, to, (int)room);
    if (n <= 0 && SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ) errno = EAGAIN, n = -1;
    return n;
}

static bool conn_send(struct conn *c, uint64_t begun_us)
{
    struct str r = loop.target->request, id = loop.target->ids[loop.next_id++ % loop.target->id_count];
    memcpy((char *)(uintptr_t)r.p + loop.target->id_at, id.p, id.len);
    ssize_t n = c->ssl ? SSL_write(c->ssl, r.p, (int)r.len) : send(c->fd, r.p, r.len, MSG_NOSIGNAL);
    c->busy = true;
    c->begun_us = begun_us;
    c->have = 0;
    loop.under_way++;
    return n == (ssize_t)r.len; /* a request fits into the socket, or something is wrong */
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

/* Length of the whole reply: 0 when more is needed, SIZE_MAX when it is none that this client can read. */
static size_t reply_length(const struct conn *c)
{
    const char *end = memmem(c->room, c->have, "\r\n\r\n", 4), *field;
    int64_t length;
    if (!end) return c->have < ROOM ? 0 : SIZE_MAX;
    struct str head = { c->room, (size_t)(end + 2 - c->room) };
    field = memmem(head.p, head.len, "ontent-", 7);
    while (field && strncasecmp(field, "ontent-length:", 14) != 0)
        field = memmem(field + 1, head.len - (size_t)(field + 1 - head.p), "ontent-", 7);
    if (!field) return c->room[9] == '3' || !memcmp(c->room + 9, "204", 3) ? head.len + 2 : SIZE_MAX;
    struct str rest = { field + 14, head.len - (size_t)(field + 14 - head.p) };
    if (!str_to_i64(str_trim(str_cut(&rest, '\r')), 0, ROOM - (int64_t)head.len - 2, &length)) return SIZE_MAX;
    return head.len + 2 + (size_t)length;
}

static void conn_next(struct conn *c, uint64_t now_us);

static void conn_done(struct conn *c, bool is_good, uint64_t now_us)
{
    if (c->busy) {
        loop.under_way--;
        histogram_add(&loop.results->latency, now_us - c->begun_us);
        loop.results->failures += !is_good;
    }
    c->busy = false;
    conn_next(c, now_us);
}

static void conn_broken(struct conn *c, uint64_t now_us)
{
    bool was_busy = c->busy;
    conn_close(c);
    if (!conn_connect(c)) conn_close(c); /* given up; the other connections go on */
    if (was_busy || !loop.is_open_loop) conn_done(c, false, now_us);
}

/* The next request of this connection, or none for now. */
static void conn_next(struct conn *c, uint64_t now_us)
{
    if (loop.is_over || c->fd < 0) return;
    if (loop.is_open_loop && loop.first == loop.last) {
        loop.idle[loop.idle_count++] = c;
        return;
    }
    uint64_t begun = loop.is_open_loop ? loop.arrived[loop.first++ % QUEUE] : now_us;
    if (!conn_send(c, begun)) conn_broken(c, now_us);
}

static void conn_readable(struct conn *c)
{
    ssize_t n = conn_read(c);
    if (n < 0 && errno == EAGAIN) return;
    uint64_t now = clock_us();
    if (n <= 0) return conn_broken(c, now);
    c->have += (size_t)n;
    size_t whole = reply_length(c);
    if (whole == 0 || (whole != SIZE_MAX && c->have < whole)) return;
    if (whole == SIZE_MAX || c->have > whole || !c->busy) return conn_broken(c, now);
    conn_done(c, c->room[9] == '2', now);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

/* Requests whose time has come; returns microseconds until the next one. */
static uint64_t arrivals(uint64_t *next_us, uint64_t now_us, double interval_us)
{
    static double carry;
    while (*next_us <= now_us) {
        if (loop.idle_count) {
            struct conn *c = loop.idle[--loop.idle_count];
            if (!conn_send(c, *next_us)) conn_broken(c, now_us);
        } else if (loop.last - loop.first < QUEUE) {
            loop.arrived[loop.last++ % QUEUE] = *next_us;
        } else {
            loop.results->failures++;
        }
        carry += interval_us;
        *next_us += (uint64_t)carry;
        carry -= (double)(uint64_t)carry;
    }
    return *next_us - now_us;
}

static void loop_run(uint64_t end_us, double rate)
{
    struct epoll_event events[EVENTS];
    uint64_t next = clock_us(), now = next;
    while (now < end_us || (loop.under_way && now < end_us + GRACE_US)) {
        uint64_t wait = loop.is_open_loop && now < end_us ? arrivals(&next, now, 1e6 / rate) : 10000;
        struct timespec timeout = { (time_t)(wait / 1000000), (long)(wait % 1000000) * 1000 };
        int n = epoll_pwait2(loop.epoll, events, EVENTS, &timeout, NULL);
        loop.is_over = clock_us() >= end_us;
        for (int i = 0; i < n; i++) conn_readable(events[i].data.ptr);
        now = clock_us();
    }
    loop.results->failures += loop.under_way + (loop.last - loop.first);
}

bool drive(const struct target *t, int connections, double seconds, double rate, struct results *ret)
{
    bool ok = true;
    loop.target = t;
    loop.results = ret;
    loop.is_open_loop = rate > 0;
    loop.epoll = epoll_create1(EPOLL_CLOEXEC);
    loop.conns = calloc((size_t)connections, sizeof *loop.conns);
    loop.idle = calloc((size_t)connections, sizeof *loop.idle);
    loop.arrived = rate > 0 ? calloc(QUEUE, sizeof *loop.arrived) : NULL;
    loop.next_id = (size_t)clock_us() % t->id_count;
    for (int i = 0; i < connections && ok; i++) {
        loop.conns[i].room = malloc(ROOM);
        ok = conn_connect(&loop.conns[i]);
    }
    uint64_t now = clock_us();
    for (int i = 0; i < connections && ok; i++) conn_next(&loop.conns[i], now);
    if (ok) loop_run(now + (uint64_t)(seconds * 1e6), rate);
    int cause = errno;
    for (int i = 0; i < connections; i++) {
        conn_close(&loop.conns[i]);
        free(loop.conns[i].room);
    }
    free(loop.conns);
    free(loop.idle);
    free(loop.arrived);
    close(loop.epoll);
    return errno = cause, ok;
}
