/* drive: what is asked of the load generator, and what came of it. */
#ifndef BENCH_DRIVE_H
#define BENCH_DRIVE_H

#include "histogram.h"
#include "mix.h"
#include "origin.h"

enum { DRIVE_STATUSES = 600, DRIVE_GRACE_S = 3, DRIVE_OPENING_S = 2, DRIVE_OPENING_EACH_US = 2000 };

enum drive_error {
    DRIVE_CONNECT,    /* a connection that could not be opened, before any request */
    DRIVE_BROKEN,     /* closed before the reply was whole, or just before the request came */
    DRIVE_GARBLED,    /* not HTTP, or more than the reply */
    DRIVE_UNANSWERED, /* when the time was over */
    DRIVE_LATE,       /* a good reply after more than late_ms */
    DRIVE_UNSENT,     /* with late_ms: no connection was free */
    DRIVE_ERRORS
};

struct drive_options {
    int connections;
    double seconds, warmup_seconds;
    double rate; /* a second; 0: closed loop */
    bool is_poisson;
    int late_ms;   /* open loop: patience of the users; 0: endless */
    bool is_fresh; /* open loop: a connection for each request, opened when it arrives */
    int addresses; /* of 127.0.0.1 and on, that the connections come from in turn */
};

struct drive_tally {
    struct histogram latency; /* of 2xx */
    uint64_t failures;
};

struct drive_results {
    struct drive_tally classes[MIX_CLASSES_MAX];
    uint64_t statuses[DRIVE_STATUSES], errors[DRIVE_ERRORS]; /* statuses that are not 2xx */
    uint64_t refusals; /* of those, 503 with Retry-After */
    uint64_t in_time_good, in_time; /* replies that came between the end of the warm-up and the end: 2xx, all */
    double user_us, system_us;      /* CPU of this process in that time */
    uint64_t late_us;               /* open loop: how late an arrival was seen at worst: above a few ms the client lacked CPU */
};

/* Drives `connections` keep-alive connections, each with one request at a time. Closed loop: the next request follows its reply at
 * once. Open loop: requests arrive `rate` times a second, evenly or as independent users do (Poisson), whatever the replies do, and
 * the latency of each counts from its arrival; without a free connection it waits, or with late_ms fails at once: after waiting here
 * it would be late whatever the server does. Requests that begin in the warm-up are not counted. Takes at most the two times and
 * DRIVE_GRACE_S, whatever the server does, and before that for the connections DRIVE_OPENING_S and DRIVE_OPENING_EACH_US of each. */
void drive_run(const struct drive_options *o, const struct origin *origin, struct mix *m, struct drive_results *ret);

/* One line of JSON, or text. */
void drive_report(const struct drive_options *o, const struct mix *m, const struct drive_results *r, bool as_json);

#endif
