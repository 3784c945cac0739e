/* outgoing: how a process reaches other services: the settings for it, and a client for each worker that is made by them. */
#ifndef APP_OUTGOING_H
#define APP_OUTGOING_H

#include "base/config.h"
#include "http/tls.h"

struct client;
struct worker;

extern const struct opt outgoing_opts[];
struct outgoing {
    const char *dns_server;
    struct tls_files tls;
    void *client_tls; /* made of them by outgoing_make(); NULL: no https */
};

/* What no table can check, and what is made of it; done: frees that, whatever make returned. */
bool outgoing_make(struct outgoing *o, struct buf *faults);
void outgoing_done(struct outgoing *o);

bool outgoing_url_is_good(const struct outgoing *o, struct str url); /* a base URL that its clients take */

/* The URL with a path that the setting `name` has. */
bool outgoing_check_url(const struct outgoing *o, const char *name, const char *url, struct buf *faults);

struct client *outgoing_client(const struct worker *w);
void outgoing_reloaded(const struct worker *w); /* w->client has what is new */

#endif
