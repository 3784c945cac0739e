/* req: one request from its first byte to its last, owner of everything made for it.
 *
 * Born in http/server when a whole, strictly valid request has arrived; it lives until its reply has been handed over
 * and nobody holds it (req_hold/req_release around asynchronous work). The client may vanish in between: the work goes
 * on, the reply is dropped. */
#ifndef HTTP_REQ_H
#define HTTP_REQ_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "http/head.h"
#include "http/route.h"

#include <sys/queue.h>

struct server_conn;
struct principal;
struct worker;
struct json;

enum step { STEP_NEXT, STEP_WAIT, STEP_FAIL };
typedef enum step (*step_fn)(struct req *r);

enum { REQ_REPLY_HEADERS = 32, REQUEST_ID_LEN = 36 };

struct req {
    struct arena arena;
    struct worker *worker;

    /* what was asked; slices of the arena */
    enum method method;
    struct str target;                 /* as sent */
    struct str path, query;            /* path in normal form (percent-decoded once); query raw, without '?' */
    struct header *headers;
    size_t header_count;
    struct str body;                   /* all of it, or its begin: see server_flow() */
    int64_t body_length;               /* of all of it; -1: nobody knows yet */
    struct str peer;                   /* text of the client's address: the TCP peer, or who a trusted proxy says it is */
    bool tls;

    /* what the layers found out */
    const struct route *route;         /* NULL: none matched */
    struct str params[LIMIT_PATH_PARAMS];
    const struct principal *who;       /* NULL on public routes */
    char request_id[REQUEST_ID_LEN + 1]; /* UUIDv7 */
    struct str client_request_id;      /* the client's own, if valid */
    uint64_t start_us;                 /* monotonic */
    uint64_t deadline_us;              /* monotonic; 0: none */

    /* the answer */
    struct problem problem;
    int status;                        /* 0 until decided */
    struct buf out;                    /* body */
    struct str content_type;
    struct header reply_headers[REQ_REPLY_HEADERS];
    size_t reply_header_count;
    uint64_t reply_bytes;              /* of the body, when it is over */
    bool close;                        /* close the connection after the reply */
    bool replied;                      /* or the reply has begun */
    bool reply_is_chunked, reply_is_full;
    struct str changes;                /* the gateway's: what the service says that it has changed, JSON; absent: nothing */
    int64_t records;                   /* the gateway's: how many records the service says that it shows */
    const char *refused;               /* name of the limit or rule that it breaks; NULL: none */

    const struct req_flow *flow;       /* NULL: bodies come and go whole */
    void *flow_arg;
    bool body_paused;

    const step_fn *step;               /* the flow under way, see http/flow.h */
    void *state;                       /* the flow's own, in the arena */
    void *names_fetch, *names_ahead;   /* rest/names: what this request has fetched, and what with its write */

    uint64_t db_us, db_trips;          /* time spent waiting for PostgreSQL, and how often */
    struct server_conn *conn;          /* NULL once the client is gone */
    TAILQ_ENTRY(req) waiting;          /* http/server: for its turn */
    int holds;
};

/* Who takes a body as it comes, or gives a reply as it goes. */
struct req_flow {
    void (*body)(void *arg, struct str piece, bool is_last);
    void (*writable)(void *arg); /* the client has taken what it was given */
    /* The client is gone (r->conn is NULL), or r->problem says what is wrong with the rest of its body. Nothing of these is
     * called any more; the reply is still due. */
    void (*broken)(void *arg);
};

/* A request with one hold, in `arena`, which it takes over (and leaves empty behind). For http/server, and tests. */
struct req *req_new(struct arena *arena);

struct str req_header(const struct req *r, struct str name);  /* the only one of that name; absent: none, or several */
bool req_header_repeated(const struct req *r, struct str name);

void req_hold(struct req *r);
void req_release(struct req *r);

/* Adds a reply header; both slices must live as long as the arena. Beyond REQ_REPLY_HEADERS it aborts: a bug. */
void req_reply_header(struct req *r, struct str name, struct str value);

#endif
