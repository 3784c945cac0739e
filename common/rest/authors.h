/* authors: where those who ask are now.
 *
 * Each write keeps its user's name and department (stmt_author). Who was moved would leave his records behind until his next
 * write; so a worker that sees somebody for the first time, or with another name or department than the last time, says so too, in
 * the background. An old token changes nothing that a newer one (of a higher generation) has said. */
#ifndef REST_AUTHORS_H
#define REST_AUTHORS_H

#include "auth/principal.h"

#include <stdbool.h>

struct worker;
struct authors; /* per worker */

struct authors *authors_new(struct worker *w);
void authors_free(struct authors *a); /* after pg_free(), which has ended what was under way */

void authors_saw(struct authors *a, const struct principal *who);

/* A write of his was committed, and has kept him as he is now: for a minute his other writes here need not say so again. No longer, as a
 * database can be put back to what it was. Of the monotonic clock. */
void authors_kept(struct authors *a, const struct principal *who, uint64_t now_us);
bool authors_are_kept(const struct authors *a, const struct principal *who, uint64_t now_us);

#endif
