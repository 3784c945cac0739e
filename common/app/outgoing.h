/* outgoing: how a process reaches other services: the settings for it, and a client for each worker that is made by them. */
#ifndef APP_OUTGOING_H
#define APP_OUTGOING_H

#include "base/config.h"
#include "http/tls.h"

struct client;
struct event_base;

extern const struct opt outgoing_opts[];
struct outgoing {
    const char *dns_server;
    struct tls_files tls;
};
extern struct outgoing outgoing; /* what `outgoing_opts` fill */
#define OUTGOING_GROUP { "Requests to services", outgoing_opts, &outgoing } /* for struct start_group */

const char *outgoing_load(void); /* after the settings, before the first client; again for new files. NULL, or why they are no good */
struct client *outgoing_client(struct event_base *base);

#endif
