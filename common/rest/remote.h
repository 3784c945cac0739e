/* remote: references to records of other services, of which this one keeps copies (app/follow).
 *
 * When a write names one that is not here, its service is asked once, as the caller: what he may see there he may refer to. What comes
 * back is kept as an event of that record would be, and the write is tried again. Known references cost nothing and need nobody; one that
 * cannot be asked for is 503, not a wrong reference. */
#ifndef REST_REMOTE_H
#define REST_REMOTE_H

#include "rest/write.h"

/* A table of copies, and how one is asked for: POST `path` {"<argument>": "<id>"}, the record in "data". */
struct remote {
    const char *table, *service, *aggregate, *path, *argument;
    const struct pg_stmt *keep; /* $1: the event, as in a page of events */
};

/* Ends in {0}; NULL: none. Once, before the first request. */
void remote_set(const struct remote *remotes);

/* The write was refused: if it is for such a reference, asks for it and goes on with `then`, or answers. false: it is not. */
bool remote_fetch(struct req *r, struct write *w, const step_fn *then);

#endif
