/* follow: what a service learns from others' events (rest/events.h), and keeps in its own schema.
 *
 * For each source there is a function <source>_event(event jsonb) in the service's schema, which takes in one event; a page of events
 * and the cursor behind it are one transaction (feed_apply in rest/rest_follow.sql), so that each takes effect exactly once, whatever is
 * killed when. Of all replicas one reads a source at a time; another takes over some seconds after it is gone.
 *
 * A page that cannot be taken in is tried again, in the end event by event, with growing pauses, and the log names the reason: an event
 * is never skipped. Nobody's request waits for any of this. */
#ifndef APP_FOLLOW_H
#define APP_FOLLOW_H

#include "io/pg.h"

struct buf;
struct follow;
struct peers;
struct worker;

struct source {
    const char *service, *aggregates; /* "auth-service", "user,department" */
};

/* `sources` ends in {0}. On the first worker; on others, or without what is needed to ask (a line in the log says so): NULL. */
struct follow *follow_new(struct worker *w, const struct peers *p, const struct source *sources);
void follow_stop(struct follow *f); /* asks no more; before the worker's client ends */
void follow_free(struct follow *f); /* after its connections to the database have ended */

extern const struct pg_stmt stmt_feed_claim, stmt_feed_apply;

void follow_print(struct buf *out); /* metrics, from any thread */

#endif
