/* channel: one keep-alive connection of the load generator, with one request at a time. Never blocks.
 *
 * The owner calls channel_handle() with what epoll says (edge-triggered, data.ptr is the connection) and acts on what it returns. */
#ifndef BENCH_CHANNEL_H
#define BENCH_CHANNEL_H

#include "response.h"
#include "base/buf.h"
#include "origin.h"

enum channel_state { CHANNEL_CLOSED, CHANNEL_CONNECTING, CHANNEL_SHAKING, CHANNEL_IDLE, CHANNEL_BUSY };

enum channel_event {
    CHANNEL_WAIT,     /* nothing yet */
    CHANNEL_OPENED,   /* it can take a request */
    CHANNEL_REPLIED, /* the reply is complete; response.closes: close it now */
    CHANNEL_UNOPENED, /* these mean: close it. Could not connect or shake hands */
    CHANNEL_DROPPED,  /* closed by the server while idle */
    CHANNEL_BROKEN,   /* closed in the middle of a request */
    CHANNEL_GARBLED,  /* what came is not the reply */
};

struct channel {
    int fd, address;
    int receive_buffer; /* of the socket, in bytes; 0: as the kernel has it */
    enum channel_state state;
    struct ssl_st *ssl;
    struct response response;
    struct buf unsent; /* of a request that did not fit into the socket */
    size_t unsent_at;
    /* its owner's */
    uint64_t begun_us, retry_us;
    int class;
    bool is_pooled, was_opened;
};

void channel_init(struct channel *c, int address); /* comes from 127.0.0.1 + address */
bool channel_open(struct channel *c, const struct origin *o, int epoll); /* begins to; false: out of sockets */
void channel_close(struct channel *c);
void channel_done(struct channel *c);
bool channel_is_coming(const struct channel *c); /* not open yet */

bool channel_send(struct channel *c, struct str request, bool is_head); /* false: close it, the request has failed */
bool channel_send_more(struct channel *c, struct str piece);                /* of a request that channel_send() began */
enum channel_event channel_handle(struct channel *c, uint32_t events);
enum channel_event channel_sip(struct channel *c, size_t most); /* reads at most so many bytes, and not all that is there */

#endif
