/* refusal: what PostgreSQL's error means to a client. */
#ifndef REST_REFUSAL_H
#define REST_REFUSAL_H

#include "http/req.h"
#include "io/pg.h"
#include "schema/schema.h"

/* Fills r->problem from a segment that failed. */
void refusal_explain(struct req *r, const struct resource *resource, const struct pg_segment *s);

#endif
