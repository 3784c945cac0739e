/* dns: a name server on a port of 127.0.0.1, in a thread of its own. Whatever name is asked for has the IPv4 addresses that
 * dns_answer() gave last; none: there is no such name. */
#ifndef TESTS_DNS_H
#define TESTS_DNS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DNS_ADDRESSES_MAX = 16, DNS_HEAD = 12, DNS_TYPE_A = 1, DNS_NO_SUCH_NAME = 3 };

struct dns {
    int fd;
    char address[32]; /* "127.0.0.1:<port>" */
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    struct in_addr addresses[DNS_ADDRESSES_MAX];
    size_t count;
    bool is_silent, is_over;
    int questions; /* that came */
};

/* RFC 1035, 4.1: the question goes back as it came, each answer points to its name. */
static inline size_t dns_reply(struct dns *d, unsigned char *message, size_t len)
{
    size_t end = DNS_HEAD;
    while (end < len && message[end]) end += message[end] + 1u;
    end += 5; /* the root label, type, class */
    if (end > len) return 0;
    bool is_a = message[end - 3] == DNS_TYPE_A;
    size_t count = is_a ? d->count : 0;
    unsigned char code = d->count ? 0 : DNS_NO_SUCH_NAME;
    memcpy(message + 2, (unsigned char[]){ 0x81, 0x80 | code, 0, 1, 0, (unsigned char)count, 0, 0, 0, 0 }, 10);
    for (size_t i = 0; i < count; i++) {
        memcpy(message + end, (unsigned char[]){ 0xc0, DNS_HEAD, 0, DNS_TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4 }, 12);
        memcpy(message + end + 12, &d->addresses[i], 4);
        end += 16;
    }
    return end;
}

static inline void *dns_main(void *arg)
{
    struct dns *d = arg;
    unsigned char message[1024];
    for (bool is_over = false; !is_over;) {
        struct sockaddr_in from;
        socklen_t from_len = sizeof from;
        ssize_t n = recvfrom(d->fd, message, 512, 0, (struct sockaddr *)&from, &from_len);
        pthread_mutex_lock(&d->lock);
        is_over = d->is_over;
        d->questions++;
        size_t len = n > DNS_HEAD && !d->is_silent ? dns_reply(d, message, (size_t)n) : 0;
        pthread_mutex_unlock(&d->lock);
        if (len) sendto(d->fd, message, len, 0, (struct sockaddr *)&from, from_len);
    }
    return NULL;
}

static inline void dns_start(struct dns *d)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    *d = (struct dns){ .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), .lock = PTHREAD_MUTEX_INITIALIZER };
    if (bind(d->fd, (struct sockaddr *)&at, sizeof at) || getsockname(d->fd, (struct sockaddr *)&at, &len)) abort();
    snprintf(d->address, sizeof d->address, "127.0.0.1:%d", ntohs(at.sin_port));
    if (pthread_create(&d->thread, NULL, dns_main, d)) abort();
}

/* The addresses from now on, as text, up to a NULL. */
static inline __attribute__((sentinel)) void dns_answer(struct dns *d, ...)
{
    va_list addresses;
    va_start(addresses, d);
    pthread_mutex_lock(&d->lock);
    d->count = 0;
    for (const char *a; (a = va_arg(addresses, const char *)) && d->count < DNS_ADDRESSES_MAX;)
        if (inet_pton(AF_INET, a, &d->addresses[d->count++]) != 1) abort();
    pthread_mutex_unlock(&d->lock);
    va_end(addresses);
}

static inline void dns_silence(struct dns *d, bool is_silent)
{
    pthread_mutex_lock(&d->lock);
    d->is_silent = is_silent;
    pthread_mutex_unlock(&d->lock);
}

static inline int dns_questions(struct dns *d)
{
    pthread_mutex_lock(&d->lock);
    int n = d->questions;
    pthread_mutex_unlock(&d->lock);
    return n;
}

static inline void dns_stop(struct dns *d)
{
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    pthread_mutex_lock(&d->lock);
    d->is_over = true;
    pthread_mutex_unlock(&d->lock);
    getsockname(d->fd, (struct sockaddr *)&own, &len);
    sendto(d->fd, "", 1, 0, (struct sockaddr *)&own, len); /* wakes it */
    pthread_join(d->thread, NULL);
    close(d->fd);
}

#endif
