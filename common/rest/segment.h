/* segment: a request's way to the database: a pg segment in its arena that resumes its flow, and list statements by shape. */
#ifndef REST_SEGMENT_H
#define REST_SEGMENT_H

#include "http/req.h"
#include "io/pg.h"

/* A segment with the request's deadline whose end runs the flow again (an error fails it, see segment_resume). The request
 * is held until then. */
struct pg_segment *segment_new(struct req *r, enum pg_lane lane, bool reads);

/* What segment_new() installs as `done`: counts the time, turns an error into r->problem and answers it, or runs the flow. A
 * step that wants to see errors itself sets s->done to segment_resume_anyway. */
void segment_resume(struct pg_segment *s, void *arg);
void segment_resume_anyway(struct pg_segment *s, void *arg);

void segment_fail(struct req *r, enum err_code error); /* answers it */
void segment_count(struct req *r, const struct pg_segment *s); /* one that the request waited for; the two above do it */

/* Statements made at run time, one per text: the text's hash is its name. */
struct shapes;
struct shapes *shapes_new(void);
void shapes_free(struct shapes *s);
const struct pg_stmt *shapes_statement(struct shapes *s, struct arena *a, struct str sql);

#endif
