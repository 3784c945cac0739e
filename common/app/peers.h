/* peers: where the other services are, and who this one is among them: settings. */
#ifndef APP_PEERS_H
#define APP_PEERS_H

#include "base/config.h"

struct outgoing;

extern const struct opt peers_opts[];
struct peers {
    const char *auth_url, *customer_url, *opportunity_url, *order_url; /* base URLs; NULL: not known */
    const char *client_id, *client_secret;                 /* client credentials at auth-service; NULL: none */
};

bool peers_check(const struct peers *p, const struct outgoing *o, struct buf *faults); /* what no table can */

/* The base URL of "customer-service"; NULL: not known. */
const char *peers_url(const struct peers *p, const char *service);

#endif
