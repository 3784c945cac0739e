/* pg_connect: a new connection, blocking. For the work thread. Inside io/pg only. */
#ifndef IO_PG_CONNECT_H
#define IO_PG_CONNECT_H

#include "io/pg.h"

#include <libpq-fe.h>

PGconn *pg_connect(const struct pg_config *config, enum pg_lane lane, bool listen); /* PQstatus() tells; NULL: it would not LISTEN */

#endif
