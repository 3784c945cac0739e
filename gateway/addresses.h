/* addresses: the lists of addresses that the gateway keeps (requirement document, section 6.3): by its settings, and by the rules that
 * administrators make (auth-service, /api/v1/ip-rules), which it asks for every second. Both must admit a request.
 *
 * An address is that of the client, as trusted proxies say it (http/client_name). Whoever is not admitted gets 403; a line in the log and
 * a count say so. */
#ifndef GATEWAY_ADDRESSES_H
#define GATEWAY_ADDRESSES_H

#include "address_book.h"
#include "base/config.h"
#include "http/req.h"

struct address_rules; /* per worker: what auth-service says */
struct outgoing;
struct worker;

struct addresses {
    const char *allow[ADDRESS_LISTS], *deny[ADDRESS_LISTS], *rules_url;
    struct address_book book; /* made of the lists */
};
extern const struct opt addresses_opts[];

bool addresses_make(struct addresses *a, const struct outgoing *o, struct buf *faults);
void addresses_done(struct addresses *a);

/* false: r->problem says why. */
bool addresses_admit(struct req *r, const struct addresses *a, const struct address_rules *rules);

void addresses_print(struct buf *out); /* metrics, from any thread */

/* address_rules.c. NULL: no URL, so there are no rules. */
struct address_rules *address_rules_new(struct worker *w, const char *url);
void address_rules_free(struct address_rules *r); /* before its client: gives up what it has asked */
bool address_rules_are_known(const struct address_rules *r); /* they were read once: before that nobody is let in */
const struct address_book *address_rules_book(const struct address_rules *r);

#endif
