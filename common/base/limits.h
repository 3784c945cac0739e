/* limits: every limit of the system has its name here. Sizes in bytes, times in milliseconds unless the name says. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

enum {
    /* HTTP in (RFC 9112); what a peer may send before it is refused */
    LIMIT_HEAD = 16 * 1024,           /* request line and header fields -> 431 */
    LIMIT_HEADERS = 100,              /* header fields -> 431 */
    LIMIT_HEAD_ADDED = 1024,          /* and what a gateway may add to it: services take so much more, */
    LIMIT_HEADERS_ADDED = 8,          /* and so many more */
    LIMIT_TARGET = 8 * 1024,          /* request target -> 414 */
    LIMIT_BODY = 1024 * 1024,         /* decoded body -> 413 */
    LIMIT_HEAD_MS = 10 * 1000,        /* first byte to end of head -> 408 */
    LIMIT_BODY_MS = 10 * 1000,        /* for the body, and one second more for every ... */
    LIMIT_BODY_RATE = 1024,           /* ... bytes of it that have come -> 408 */
    LIMIT_IDLE_MS = 75 * 1000,        /* keep-alive without a request: closed */
    LIMIT_CONNECTIONS = 16 * 1024,    /* of a process -> 503, then closed at accept */
    LIMIT_CONNECTIONS_ADDRESS = 2048, /* of one client address -> 503, then closed at accept */
    LIMIT_REQUESTS = 512,             /* under way in a process; further ones wait ... */
    LIMIT_QUEUE_MS = 500,             /* ... so long -> 503 with Retry-After */
    LIMIT_WINDOW = 64 * 1024,         /* of a body, until it is passed on before it is whole */
    LIMIT_UNSENT = 256 * 1024,        /* of replies that a client has not taken, until no more is made or fetched for it */
    LIMIT_QUERY_PARAMS = 32,
    LIMIT_PATH_PARAMS = 4,

    /* HTTP out */
    LIMIT_REPLY = 16 * 1024 * 1024,
    LIMIT_UPSTREAM_IDLE = 512,        /* idle keep-alive connections kept per upstream and worker */
    LIMIT_UPSTREAM_QUEUE = 4096,      /* requests in flight per upstream and worker -> 503 */

    /* JSON in */
    LIMIT_JSON_DEPTH = 32,
    LIMIT_JSON_VALUES = 20 * 1000,

    /* lists */
    LIMIT_PAGE_SIZE = 200,
    LIMIT_KEYWORD = 64,               /* characters */

    /* tokens */
    LIMIT_TOKEN = 4096,
    LIMIT_TOKEN_LIFE_S = 86400,       /* of an access token, whatever is configured: revocations are told for so long */
    LIMIT_TOKEN_CACHE = 4096,         /* verified tokens remembered per worker */
    LIMIT_CLOCK_LEEWAY_S = 30,

    /* PostgreSQL */
    LIMIT_PG_QUEUE = 2048,            /* segments waiting per connection -> 503 */
    LIMIT_PG_STATEMENTS = 512,        /* list shapes prepared per connection; further ones run unnamed */
    LIMIT_PG_STATEMENT_MS = 5000,

    /* Redis */
    LIMIT_REDIS_QUEUE = 1024,         /* commands in flight per worker -> REDIS_BUSY */

    LIMIT_LOG_LINE = 8 * 1024,
    LIMIT_CONFIG_FILE = 64 * 1024,
};

#endif
