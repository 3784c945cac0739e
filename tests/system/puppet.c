#include "puppet.h"

#include "expect.h"
#include "pool.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, STUCK_MS = 500, WAIT_MS = 10 * 1000 };

struct puppet puppet_open(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    struct puppet p = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    bool ok = bind(p.fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(p.fd, 64) == 0 &&
              getsockname(p.fd, (struct sockaddr *)&at, &len) == 0;
    expect(ok, "cannot listen");
    p.port = ntohs(at.sin_port);
    return p;
}

struct replica puppet_gateway(const struct puppet *p, const char *one, const char *another)
{
    return replica_start("gateway", text("UPSTREAM_CUSTOMER_SERVICE=http://127.0.0.1:%d", p->port), "WORKERS=1", "UPSTREAM_CHECK_MS=0", one,
                         another, NULL);
}

void puppet_close(struct puppet *p)
{
    close(p->fd);
}

static bool comes(int fd, int ms)
{
    return poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, ms) == 1;
}

int puppet_accept(const struct puppet *p)
{
    int fd = comes(p->fd, WAIT_MS) ? accept4(p->fd, NULL, NULL, SOCK_CLOEXEC) : -1;
    expect(fd >= 0, "nobody connects");
    return fd;
}

char *puppet_head(int fd)
{
    char head[16384];
    size_t len = 0;
    head[0] = 0;
    while (len < sizeof head - 1 && !strstr(head, "\r\n\r\n") && comes(fd, WAIT_MS) && recv(fd, head + len, 1, 0) == 1)
        head[++len] = 0;
    expect(strstr(head, "\r\n\r\n") != NULL, "no whole head: %s", head);
    return text("%s", head);
}

void pattern_fill(char *to, size_t len, size_t position)
{
    for (size_t i = 0; i < len; i++) to[i] = (char)('!' + (position + i) * 7 % 89);
}

size_t pattern_send(int fd, size_t from, size_t to)
{
    char piece[PIECE];
    while (from < to && poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, STUCK_MS) == 1) {
        size_t len = to - from < sizeof piece ? to - from : sizeof piece;
        pattern_fill(piece, len, from);
        ssize_t n = send(fd, piece, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0) break;
        from += (size_t)n;
    }
    return from;
}

size_t pattern_receive(int fd, size_t from, size_t to)
{
    char piece[PIECE], want[PIECE];
    while (from < to && comes(fd, WAIT_MS)) {
        size_t len = to - from < sizeof piece ? to - from : sizeof piece;
        ssize_t n = recv(fd, piece, len, 0);
        if (n <= 0) break;
        pattern_fill(want, (size_t)n, from);
        if (memcmp(piece, want, (size_t)n) != 0) break;
        from += (size_t)n;
    }
    return from;
}

bool hangs_up(int fd)
{
    char rest[PIECE];
    while (comes(fd, WAIT_MS))
        if (recv(fd, rest, sizeof rest, 0) <= 0) return true;
    return false;
}
