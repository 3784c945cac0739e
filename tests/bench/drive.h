/* drive: what the files of the load generator share. */
#ifndef BENCH_DRIVE_H
#define BENCH_DRIVE_H

#include "base/str.h"
#include "histogram.h"

#include <netinet/in.h>

struct results {
    struct histogram latency;
    uint64_t failures; /* statuses other than 2xx, broken or missing replies */
};

struct target {
    struct sockaddr_in address;
    void *tls; /* SSL_CTX; NULL: plain */
    struct str request; /* a whole HTTP message; in writable memory */
    size_t id_at;       /* where an id goes in it */
    const struct str *ids; /* of one length; the requests take them in turn */
    size_t id_count;
};

/* Drives `connections` keep-alive connections for `seconds`, each with one request at a time. rate 0: the next request follows
 * its reply at once. Else requests arrive `rate` times a second whatever the replies do, and the latency of each counts from
 * its arrival. What is unanswered 5 seconds after the end has failed. False: cannot connect (errno). */
bool drive(const struct target *t, int connections, double seconds, double rate, struct results *ret);

#endif
