/* pg_result: what libpq hands over, as the outcome of a segment. Inside io/pg only. */
#ifndef IO_PG_RESULT_H
#define IO_PG_RESULT_H

#include "io/pg.h"

#include <libpq-fe.h>

void pg_result_collect(struct pg_segment *s, PGresult *res); /* takes `res` */
void pg_result_reset(struct pg_segment *s);                  /* as if it had never been sent */

#endif
