/* outgoing: how a process reaches other services: the settings for it, and a client for each worker that is made by them. */
#ifndef APP_OUTGOING_H
#define APP_OUTGOING_H

#include "base/config.h"

struct client;
struct worker;

extern const struct opt outgoing_opts[];
struct outgoing {
    const char *dns_server;
};

bool outgoing_check(const struct outgoing *o, struct buf *faults);
struct client *outgoing_client(const struct worker *w);

#endif
