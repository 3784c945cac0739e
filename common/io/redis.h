/* redis: a client of one Redis server on an event loop, one connection per worker, commands pipelined.
 *
 * What is in Redis is a hint (architecture): a command that cannot be served now is answered REDIS_DOWN at once,
 * nothing is queued for later and nothing is sent twice. The connection comes back by itself, with backoff.
 *
 * Each command has its own timeout. One that expires is answered REDIS_TIMEOUT; if it is the oldest one, the server is
 * taken for dead: the connection is dropped, the commands behind it get REDIS_DOWN. Of either nobody knows whether it
 * happened.
 *
 * For one thread. Not for SUBSCRIBE, MONITOR, MULTI ... EXEC over several calls, or blocking commands: the connection
 * is shared; io/redis_subscription listens on one of its own. */
#ifndef IO_REDIS_H
#define IO_REDIS_H

#include "base/str.h"

struct event_base;
struct redis;

enum redis_kind {
    REDIS_NIL,
    REDIS_INTEGER,
    REDIS_STRING,  /* and status replies: "OK" */
    REDIS_ARRAY,
    REDIS_ERROR,   /* what the server says: "WRONGTYPE Operation against ..." */
    REDIS_DOWN,    /* no connection, or it was lost */
    REDIS_TIMEOUT,
    REDIS_BUSY     /* LIMIT_REDIS_QUEUE commands are in flight; not sent */
};

struct redis_value {
    enum redis_kind kind;
    int64_t integer;
    struct str text;                 /* REDIS_STRING, REDIS_ERROR; any bytes */
    const struct redis_value *items; /* REDIS_ARRAY; may nest */
    size_t count;
};

static inline bool redis_is_answer(const struct redis_value *v) /* of the server */
{
    return v->kind < REDIS_DOWN;
}

/* `v` is valid during the call only. It may issue further commands; it must not free the client. */
typedef void redis_done(void *arg, const struct redis_value *v);

/* url: unix:///path | redis://[[user]:password@]host[:port][/db]; user and password percent-encoded. A password goes with
 * unix:// too: unix://:password@/path. The host is an IP address ([..] around IPv6) or "localhost": names would block the
 * loop. NULL: malformed. Connects in the background; a wrong password shows in the log and in redis_ready() only. */
struct redis *redis_new(struct event_base *base, const char *url);
bool redis_takes_url(const char *url);
void redis_free(struct redis *r); /* commands under way get REDIS_DOWN, from inside this call */

bool redis_ready(const struct redis *r); /* connected, logged in, and the server answers */
size_t redis_in_flight(const struct redis *r);

/* Sends argv[0..argc). Arguments are copied and may hold any bytes; argvlen NULL: they are NUL-terminated. `done` is called
 * exactly once, never from inside this call. */
void redis_command(struct redis *r, int timeout_ms, redis_done *done, void *arg, int argc, const char *const *argv,
                   const size_t *argvlen);

#endif
