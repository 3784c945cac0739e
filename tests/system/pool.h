/* pool: what lives until the end of a test. Thread-safe; pool_empty() is called between tests. */
#ifndef SYSTEM_POOL_H
#define SYSTEM_POOL_H

void *pool_keep(void *p, void (*destroy)(void *));
void pool_empty(void);

char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *repeat(const char *piece, int times);

#endif
