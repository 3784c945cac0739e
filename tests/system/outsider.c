#include "outsider.h"

#include "expect.h"
#include "jwt.h"
#include "pool.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct {
    int fd;
    char url[64];
    pthread_mutex_t lock; /* of what follows */
    enum manner manner;
    char permissions[1024];
    int asked;
} self = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int answer_login(char *out, size_t size)
{
    return snprintf(out, size,
                    "{\"access_token\":\"x.y.z\",\"token_type\":\"bearer\",\"expires_in\":3600,\"user_info\":{\"user_id\":\"" OUTSIDER_USER
                    "\",\"username\":\"out\",\"name\":\"外部\",\"roles\":[\"ADMIN\"]}}");
}

/* The status; < 0: none, ever. */
static int answer_validate(char *out, size_t size)
{
    pthread_mutex_lock(&self.lock);
    enum manner manner = self.manner;
    self.asked++;
    if (manner == ANSWERS) snprintf(out, size, "{\"valid\":true,\"permissions\":%s}", self.permissions);
    else snprintf(out, size, manner == DENIES ? "{\"valid\":false,\"permissions\":[]}" : "[\"what?\"]");
    pthread_mutex_unlock(&self.lock);
    return manner == HANGS ? -1 : manner == REFUSES ? 401 : manner == FAILS ? 500 : 200;
}

static void answer(int fd, const char *head)
{
    char body[2048] = "", all[4096];
    int status = 404;
    bool has_token = strcasestr(head, "\r\nAuthorization: Bearer ") != NULL;
    if (!strncmp(head, "POST /api/v1/auth/login ", 24)) status = answer_login(body, sizeof body) ? 200 : 500;
    if (!strncmp(head, "GET /api/v1/auth/validate ", 26)) status = has_token ? answer_validate(body, sizeof body) : 401;
    if (status < 0) return;
    int n = snprintf(all, sizeof all, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status,
                     strlen(body), body);
    if (send(fd, all, (size_t)n, MSG_NOSIGNAL) < 0) return;
}

/* Bodies are small and come with their heads. */
static void *serve(void *arg)
{
    char head[8192];
    int fd = (int)(long)arg;
    size_t len = 0;
    for (ssize_t n; (n = recv(fd, head + len, sizeof head - 1 - len, 0)) > 0;) {
        head[len += (size_t)n] = 0;
        if (!strstr(head, "\r\n\r\n")) continue;
        answer(fd, head);
        len = 0;
    }
    close(fd);
    return NULL;
}

static void detach(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, arg)) abort();
    pthread_detach(thread);
}

static void *take(void *arg)
{
    (void)arg;
    for (int fd; (fd = accept4(self.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;) detach(serve, (void *)(long)fd);
    return NULL;
}

void outsider_start(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    self.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = bind(self.fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(self.fd, 64) == 0 &&
              getsockname(self.fd, (struct sockaddr *)&at, &len) == 0;
    if (!ok) abort();
    snprintf(self.url, sizeof self.url, "http://127.0.0.1:%d", ntohs(at.sin_port));
    outsider_is(ANSWERS, "[]");
    detach(take, NULL);
}

void outsider_is(enum manner manner, const char *permissions)
{
    pthread_mutex_lock(&self.lock);
    self.manner = manner;
    self.asked = 0;
    snprintf(self.permissions, sizeof self.permissions, "%s", permissions);
    pthread_mutex_unlock(&self.lock);
}

int outsider_asked(void)
{
    pthread_mutex_lock(&self.lock);
    int asked = self.asked;
    pthread_mutex_unlock(&self.lock);
    return asked;
}

const char *outsider_url(void)
{
    return self.url;
}

char *outsider_token(const char *more_claims)
{
    static int n;
    return jwt_hs256(OUTSIDER_SECRET, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
                     text("{\"sub\":\"" OUTSIDER_USER "\",\"exp\":%ld,\"n\":%d%s}", (long)time(NULL) + 600, ++n, more_claims));
}
