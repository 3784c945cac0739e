/* Bytes as they are, for requests that no HTTP library would send. */
#include "http.h"

#include "pool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUIET_MS = 1500, REPLY_MS = 10 * 1000 };

int raw_connect_from(const char *source, const char *url)
{
    const char *colon = strrchr(url, ':');
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1)) };
    struct sockaddr_in from = { .sin_family = AF_INET };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    inet_pton(AF_INET, source, &from.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) || connect(fd, (struct sockaddr *)&to, sizeof to)) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)); /* each piece leaves alone */
    return fd;
}

int raw_connect(const char *url)
{
    return raw_connect_from("127.0.0.1", url);
}

bool raw_is_quiet(int fd, int ms)
{
    return poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, ms) == 0;
}

void raw_send(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) return; /* refused already: the answer is what counts */
        bytes += n;
        len -= (size_t)n;
    }
}

char *raw_receive(int fd)
{
    char *all = strdup("");
    size_t len = 0;
    struct pollfd p = { fd, POLLIN, 0 };
    while (poll(&p, 1, QUIET_MS) == 1) {
        char part[16384];
        ssize_t n = recv(fd, part, sizeof part, 0);
        if (n <= 0) break;
        all = realloc(all, len + (size_t)n + 1);
        if (!all) abort();
        memcpy(all + len, part, (size_t)n);
        len += (size_t)n;
        all[len] = 0;
    }
    return pool_keep(all, free);
}

char *raw_reply(int fd)
{
    char all[65536];
    size_t len = 0, whole = sizeof all - 1;
    struct pollfd p = { fd, POLLIN, 0 };
    while (len < whole && poll(&p, 1, REPLY_MS) == 1) {
        ssize_t n = recv(fd, all + len, sizeof all - 1 - len, 0);
        if (n <= 0) break;
        all[len += (size_t)n] = 0;
        const char *end = strstr(all, "\r\n\r\n"), *length = strcasestr(all, "\r\nContent-Length: ");
        if (end && length) whole = (size_t)(end + 4 - all) + strtoul(length + 18, NULL, 10);
    }
    return text("%.*s", (int)len, all);
}

char *raw_exchange(const char *url, const char *bytes, size_t len)
{
    int fd = raw_connect(url);
    if (fd < 0) return text("%s", "");
    raw_send(fd, bytes, len);
    char *answer = raw_receive(fd);
    close(fd);
    return answer;
}

int raw_status(const char *answer)
{
    int status = 0;
    sscanf(answer, "HTTP/1.1 %d", &status);
    return status;
}
