/* worker: what one thread owns. Threads share nothing; each has its loop, server, connections and caches. */
#ifndef HTTP_WORKER_H
#define HTTP_WORKER_H

struct app;
struct buf;
struct client;
struct event_base;
struct keys;
struct lookups;
struct metrics;
struct names;
struct pg;
struct req;
struct router;
struct server;
struct shapes;
struct tokens;
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
    struct names *names;
    struct shapes *shapes;
    struct lookups *lookups;
    struct router *router;
    struct server *server;
    struct metrics *metrics;
    struct buf *access;              /* access lines not written yet */
    void (*on_reply)(struct req *r); /* sees every answer before it goes: metrics, access log */
    void *extra;                     /* the binary's own */
};

#endif
