/* errands: what a service has to ask of another one by itself: written down as a row in a transaction of its own schema first, so that it
 * is done in the end, whatever is killed when, and whoever is away meanwhile.
 *
 * For each kind of errand a claim takes the row that is longest due, and holds it for a while; the other service is asked with this
 * process's own token, or somebody outside without; what it answers, good or bad, goes to `finish`, which ends the errand or says when it
 * is due again. Without an answer nothing is finished: the row is due again when its hold ends. An errand may so be asked more than once:
 * who is asked must know it again, by an id in its body. The first worker of each replica does this, one row at a time. */
#ifndef APP_ERRANDS_H
#define APP_ERRANDS_H

#include "base/arena.h"
#include "io/pg.h"

struct errands;
struct peers;
struct worker;

struct errand {
    const char *service, *path;           /* whom to ask, by POST; with `url` the service is a name for the log, and there is no path */
    const char *(*url)(const struct worker *w); /* of somebody outside, who needs no token, or NULL: nobody. NULL: it is a service */
    const struct pg_stmt *claim, *finish; /* claim: one row, or none, its first column names it. finish: $1 that name, $2 status, $3 body */
    struct str (*body)(struct arena *a, const struct pg_segment *claimed); /* of the request; absent: it cannot be made, as the log says */
};

/* `errands` ends in {0}. On the first worker; on others, or without what is needed to ask (a line in the log says so): NULL. */
struct errands *errands_new(struct worker *w, const struct peers *p, const struct errand *errands);
void errands_stop(struct errands *e); /* asks no more; before the worker's client ends */
void errands_free(struct errands *e); /* after its connections to the database have ended */

#endif
