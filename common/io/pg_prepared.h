/* pg_prepared: which statements a connection has prepared. Inside io/pg only. */
#ifndef IO_PG_PREPARED_H
#define IO_PG_PREPARED_H

#include "io/pg.h"

enum { PG_PREPARED_SLOTS = 2048 };

enum pg_prepared_state {
    PG_NEW,      /* never tried */
    PG_PREPARED,
    PG_REFUSED   /* the server refused it: it runs unnamed, and says itself what is wrong */
};

struct pg_prepared { /* hash set of pointers; {0} is empty */
    struct {
        const struct pg_stmt *stmt;
        enum pg_prepared_state state;
    } slots[PG_PREPARED_SLOTS];
    int count;
};

enum pg_prepared_state pg_prepared_get(const struct pg_prepared *p, const struct pg_stmt *stmt);
void pg_prepared_set(struct pg_prepared *p, const struct pg_stmt *stmt, enum pg_prepared_state state);

#endif
