/* balance: which of a service's addresses gets the next request.
 *
 * Two are drawn, the one with less latency x (requests in flight + 1) wins. Whoever fails `failures` times in a row is out
 * for a while, longer each time, but never the last one that is left; health checks put an address down and up. When none is
 * usable, all are tried. A chosen host is held until it is reported: the set may change meanwhile. No clock, sockets or
 * randomness of its own; one per worker and service. */
#ifndef GATEWAY_BALANCE_H
#define GATEWAY_BALANCE_H

#include "base/str.h"

enum { BALANCE_HOSTS_MAX = 64 }; /* further addresses are left out */

enum host_outcome {
    HOST_GOOD,
    HOST_FAILED, /* no connection, no answer in time, 5xx */
    HOST_UNKNOWN /* given up by us or the client: says nothing about the host */
};

struct balance_settings {
    int failures;     /* in a row, then the host is out; 0: never */
    int out_ms;       /* the first time; doubles each time ... */
    int out_max_ms;   /* ... up to this. In for as long, it begins at out_ms again */
    int rise, fall;   /* health checks in a row until up, until down */
    int stale_ms;     /* a latency older than this is forgotten, so that a host that was slow is tried again */
    void (*forget)(void *extra); /* releases a host's `extra`; NULL: nothing to release */
};
extern const struct balance_settings balance_usual;

/* One address. Read-only for others, but for `extra`. */
struct host {
    void *extra;              /* the caller's, e.g. a connection pool */
    uint32_t id;              /* never 0, never used twice */
    uint32_t in_flight;
    uint64_t latency_us;      /* moving average */
    uint64_t heard_us;        /* of the last report; 0: none yet */
    uint64_t out_until_us;    /* by failures */
    int failures;             /* in a row */
    int outs;                 /* in a row */
    int checks;               /* health checks in a row that contradict `up` */
    bool up;                  /* by health checks; true at first */
    int holds;                /* requests in flight, and the set */
    char address[];           /* as given to balance_set() */
};

struct balance;

struct balance *balance_new(const struct balance_settings *settings); /* `settings` must outlive it */
void balance_free(struct balance *b); /* hosts still held live on until they are reported */

/* The addresses from now on. Those that were there keep all they have; one given twice counts once. None at all changes
 * nothing: a resolver that fails must not take a service away. true: the set is another one. */
bool balance_set(struct balance *b, const struct str *addresses, size_t count);

/* Holds and returns a host; NULL only before the first balance_set(). `exclude`: the id of one that was tried already,
 * chosen again only when no other is usable; 0: none. `random`: 64 random bits. */
struct host *balance_choose(struct balance *b, uint64_t now_us, uint64_t random, uint32_t exclude);

/* Once for every choice; `h` may be gone afterwards. `took_us`: from choice to outcome. */
void balance_report(struct balance *b, struct host *h, uint64_t now_us, enum host_outcome outcome, uint64_t took_us);

enum host_check {
    CHECK_GOOD,
    CHECK_BAD,
    CHECK_LEAVING /* it says itself that it is not ready: down at once */
};

/* The result of a health check of `id`, which may have left the set. */
void balance_check(struct balance *b, uint32_t id, enum host_check check);

/* For health checks and metrics: valid until the next balance_set(). */
struct host *const *balance_hosts(const struct balance *b, size_t *ret_count);
bool host_is_usable(const struct host *h, uint64_t now_us);

#endif
