/* redis_url: where a Redis server is. Inside io/redis only; the forms are those of redis_new(). */
#ifndef IO_REDIS_URL_H
#define IO_REDIS_URL_H

#include "base/arena.h"

struct redis_url {
    const char *path;            /* unix socket; NULL: TCP */
    const char *host;            /* an IP address */
    int port, db;
    struct str user, password;   /* decoded; absent: none */
};

bool redis_url_read(struct arena *a, struct str text, struct redis_url *ret); /* texts in the arena */

#endif
