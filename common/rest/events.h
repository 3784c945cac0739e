/* events: what has happened to a service's records, in order, for other services: GET /internal/v1/events.
 *
 * Pages of the outbox, in the order in which transactions began to matter, and of one record in that of its versions (rest_turn.sql): a
 * row is told when every transaction that could still bring an earlier one has ended, so that whoever reads on from the cursor of his
 * last page misses nothing and gets nothing twice. With no cursor, or one that is older than what is kept, or of another cluster, a
 * reader is told all records as they are ("<aggregate>.snapshot"), and then what has happened since he began. Such a record may be
 * younger than the events that follow: versions tell.
 *
 * With `wait`, an empty page is put off until something happens (NOTIFY wakes, some times a second at most, and so does a look of its
 * own), for so many seconds at most. Of a record that is told which rest/event_data.h says. */
#ifndef REST_EVENTS_H
#define REST_EVENTS_H

#include "http/req.h"
#include "io/pg.h"
#include "schema/schema.h"

struct events; /* per worker: who waits */

void rest_events(struct req *r); /* the handler */

struct events *events_new(struct worker *w);
void events_wake(struct events *e);
void events_end(struct events *e); /* answers all who wait, now and from now on */
void events_free(struct events *e);

/* Appends the statements that these resources need; their number. */
enum { EVENTS_STATEMENTS_MAX = 34 };
size_t events_statements(const struct resource *const *resources, const struct pg_stmt **to);

#endif
