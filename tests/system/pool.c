#include "pool.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    void *p;
    void (*destroy)(void *);
    struct kept *next;
};

static struct kept *first;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void *pool_keep(void *p, void (*destroy)(void *))
{
    struct kept *k = malloc(sizeof *k);
    if (!p || !k) abort();
    pthread_mutex_lock(&lock);
    *k = (struct kept){ p, destroy, first };
    first = k;
    pthread_mutex_unlock(&lock);
    return p;
}

void pool_empty(void)
{
    pthread_mutex_lock(&lock);
    struct kept *k = first;
    first = NULL;
    pthread_mutex_unlock(&lock);
    while (k) {
        struct kept *next = k->next;
        k->destroy(k->p);
        free(k);
        k = next;
    }
}

char *text(const char *format, ...)
{
    char *p;
    va_list args;
    va_start(args, format);
    if (vasprintf(&p, format, args) < 0) abort();
    va_end(args);
    return pool_keep(p, free);
}

char *repeat(const char *piece, int times)
{
    size_t n = strlen(piece);
    char *p = malloc(n * (size_t)times + 1);
    if (!p) abort();
    for (int i = 0; i < times; i++) memcpy(p + n * (size_t)i, piece, n);
    p[n * (size_t)times] = 0;
    return pool_keep(p, free);
}
