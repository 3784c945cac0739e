/* pg_result: what libpq hands over, as the outcome of a segment. Inside io/pg only. */
#ifndef IO_PG_RESULT_H
#define IO_PG_RESULT_H

#include "io/pg.h"

#include <libpq-fe.h>

bool pg_result_collect(struct pg_segment *s, PGresult *res); /* takes `res`; true: the connection ends with it */
void pg_result_reset(struct pg_segment *s);                  /* as if it had never been sent */

#endif
