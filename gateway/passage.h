/* passage: one request on its way to a service and back. Private to the proxy.
 *
 * proxy.c chooses, sends, tries again and answers; relay.c passes on bodies that do not wait to be whole: at most LIMIT_WINDOW
 * of a request and LIMIT_UNSENT of a reply lie here, the rest waits in the sender's socket. Lies in the request's arena. */
#ifndef GATEWAY_PASSAGE_H
#define GATEWAY_PASSAGE_H

#include "forward.h"
#include "gateway.h"

#include <event2/event_struct.h>

struct passage {
    struct req *r;
    struct gateway *gateway;
    struct upstream *upstream;
    struct breaker *breaker;
    struct client_request request;
    struct header headers[FORWARD_MAX];
    int tries;
    uint32_t tried; /* id of the host that failed last */
    struct host *host;
    struct breaker_pass pass;
    uint64_t begun_us; /* of this try */
    bool is_reported;  /* what this try says of the service */
    struct exchange *exchange; /* NULL: none under way */
    bool body_flows;   /* a part of the body has gone that nobody has any more */
    bool reply_flows;  /* the client has the begin of the reply */
    struct event timer;
    LIST_ENTRY(passage) link; /* in g->waiting, while it waits for its next try */
    bool is_waiting;
};

/* proxy.c */
void passage_report(struct passage *p, const struct client_reply *reply); /* once a try */
void passage_forget(struct passage *p); /* the exchange is given up: says nothing of the service */

/* relay.c */
extern const struct client_flow relay_upstream;
void relay_begin(struct passage *p); /* the request's body is longer than the window */
void relay_go_on(struct passage *p); /* after client_send(); may end the passage */
void relay_end(struct passage *p, const struct client_reply *reply); /* of a reply that flows */

#endif
