/* names: the names shown next to references (industry_name, created_by_name ...), cached per worker.
 *
 * A join for each would triple the cost of reading a row. Names are fetched when first needed, kept for a minute, and
 * forgotten at once when PostgreSQL says that one has changed (announce_name in rest.sql). */
#ifndef REST_NAMES_H
#define REST_NAMES_H

#include "http/req.h"
#include "io/pg.h"
#include "rest/row.h"
#include "schema/validate.h"

struct names;

struct names *names_new(void);
void names_free(struct names *n);
void names_forget(void *names, struct str payload); /* pg_config.on_notify: "<schema>.<table>:<id>"; absent: all */

/* The name of `ref`'s row `id` (16 bytes); absent when it has none or names_ready() was not asked for it. */
struct str names_find(struct names *n, const struct ref *ref, struct str id);

/* Adds to the segment of a write what fetches the names of what it refers to, so that they come with its own answer. */
void names_ahead(struct req *r, const struct resource *resource, const struct values *v, struct pg_segment *s);
void names_arrived(struct req *r, const struct pg_segment *s); /* once it is done */

/* Are all names for these rows there? If not, fetches them and runs the request's flow again afterwards. */
bool names_ready(const struct rows *rows);

#endif
