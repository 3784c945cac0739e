/* worker: what one thread owns. Threads share nothing; each has its loop, server, connections and caches. */
#ifndef HTTP_WORKER_H
#define HTTP_WORKER_H

#include "http/refusal.h"

#include <stdint.h>

struct announcer;
struct app;
struct authors;
struct buf;
struct client;
struct errands;
struct event_base;
struct events;
struct follow;
struct keys;
struct lookups;
struct metrics;
struct names;
struct pg;
struct redis_subscription;
struct req;
struct revocations;
struct router;
struct server;
struct shapes;
struct tokens;
struct validator;
struct work;

struct worker {
    const struct app *app;
    int index;
    struct event_base *base;
    struct work *work;
    struct pg *pg;
    struct client *client;
    struct tokens *tokens;
    struct keys *keys;
    struct revocations *revocations;          /* NULL: nobody tells of any */
    struct redis_subscription *subscription;  /* what makes them hurry; NULL: no Redis */
    struct validator *validator;              /* NULL: tokens say themselves what their users may */
    struct announcer *announcer;              /* NULL: this service announces nothing */
    struct names *names;
    struct shapes *shapes;
    struct lookups *lookups;
    struct authors *authors;
    struct follow *follow;           /* app/follow; NULL: nobody, or not on this worker */
    struct errands *errands;         /* app/errands; the same */
    struct events *events;           /* rest/events: who waits for some */
    struct router *router;
    struct server *server;
    struct metrics *metrics;
    struct buf *access;              /* access lines not written yet */
    void (*on_reply)(struct req *r);  /* sees every answer before it goes: may add headers; NULL: nobody */
    bool (*on_hold)(struct req *r);   /* may keep an answer that is whole, and a hold, until server_reply_now(); NULL: nobody does */
    void (*on_replied)(struct req *r); /* when all is known of it: metrics, access log; NULL: nobody */
    uint64_t refusals[REFUSAL_COUNT]; /* relaxed atomics: written by this thread, read by any; so are these: */
    uint64_t revocation_count, revocations_us; /* how many are known, and when the list was last read to its end; 0: never */
    void *extra;                     /* the binary's own */
};

#endif
