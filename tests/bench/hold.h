/* hold: connections that are kept and used as little as possible, to see what that costs a server. */
#ifndef BENCH_HOLD_H
#define BENCH_HOLD_H

#include "origin.h"

enum { HOLD_STATUSES = 600, HOLD_COMING = 100, HOLD_OPENING_S = 30 };

enum hold_drip { DRIP_NOTHING, DRIP_WRITE, DRIP_READ };

/* What a connection does. */
struct hold_manner {
    const char *name;
    enum hold_drip drip;
    const char *method;
    const char *fields; /* of the head, to its end when it has one, and what comes after it */
};

struct hold_options {
    const struct hold_manner *manner;
    int connections, addresses; /* the addresses are 127.0.0.1 and on, in turn */
    double seconds;             /* from when all are open */
    double drip_seconds;        /* between two drips of a connection */
    struct str request;         /* sent when a connection is open */
};

struct hold_results {
    int held, open; /* connections open when all had their chance, and at the end */
    uint64_t opened, unopened, closed; /* times: that it worked, that it did not, that the server ended one */
    uint64_t statuses[HOLD_STATUSES];  /* replies */
};

/* Opens the connections, HOLD_COMING at a time and in HOLD_OPENING_S at most, and calls on_held(). From then on each drips: it sends
 * one byte more, or takes few bytes of its reply. What the server ends is opened again. Returns early on SIGTERM and SIGINT. */
void hold_run(const struct hold_options *o, const struct origin *origin, void (*on_held)(int open), struct hold_results *ret);

#endif
