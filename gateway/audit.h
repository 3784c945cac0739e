/* audit: a record of each request that changes something, that logs in, or that is denied (requirement document, sections 2.3 and 6.3).
 *
 * The record is on this machine's disk before the answer goes out (gateway/spool), so that neither a killed gateway nor a dead database
 * loses one of a request that was answered; from there the courier takes it to auth-service, which keeps it under the request's id, once.
 * While the disk refuses, requests that would need a record are refused (503). */
#ifndef GATEWAY_AUDIT_H
#define GATEWAY_AUDIT_H

#include "app/peers.h"
#include "base/config.h"
#include "http/req.h"
#include "watch.h"

struct audit; /* per worker */
struct courier;
struct outgoing;
struct worker;

struct audit_settings {
    const char *folder;
    struct peers store; /* auth-service, and who the gateway is for it */
};
extern const struct opt audit_opts[];
bool audit_check(const struct audit_settings *s, const struct outgoing *o, struct buf *faults);

struct audit *audit_new(struct worker *w, const struct audit_settings *s); /* NULL: no folder, so there are no records */
void audit_stop(struct audit *a); /* carries no more; before the worker's client ends */
void audit_free(struct audit *a);

bool audit_admits(struct req *r, const struct audit *a); /* false: r->problem says why */

/* Before an answer goes out. true: it waits, and goes by itself. */
bool audit_hold(struct req *r, struct audit *a);

/* An answer is out: what is not usual is logged, and told by the way of the records, if there is one. */
void audit_watch(struct req *r, struct audit *a, const struct watch_settings *s);

void audit_print(struct buf *out); /* metrics, from any thread */

#endif
