/* load: clients that create customers, or what they are told to, as fast as they can, and remember what each was told. */
#ifndef SYSTEM_LOAD_H
#define SYSTEM_LOAD_H

#include <stdbool.h>

#include "http.h"

struct attempt {
    const char *name, *key; /* both unique */
    long status;            /* 0: no answer */
    CURLcode error;
    char *slug; /* of an error envelope; "" when there was none */
};

struct load;

/* What they create: at `path`, with the attempt's name as `name`, and `more` members. */
struct what {
    const char *path, *name, *more;
};
struct load *load_start_of(const char *url, int clients, struct what what);

struct load *load_start(const char *url, int clients); /* as the administrator; every request on a fresh connection */
int load_done(struct load *l, long status);            /* how many were answered so, until now */
void load_stop(struct load *l);
int load_count(const struct load *l);
const struct attempt *load_attempt(const struct load *l, int i);

/* Waits until `more` further requests have been answered with this status. */
bool load_goes_on(struct load *l, long status, int more, double seconds);

#endif
