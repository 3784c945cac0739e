/* command: one statement that a command of the binary runs, with nothing of the service around it. */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

#include "io/pg.h"

enum { COMMAND_WAIT_S = 10, COMMAND_VALUE_MAX = 64 };

struct command {
    const char *name, *url;             /* of the command; of the database */
    const struct pg_stmt *stmt;
    const char *values[PG_PARAMS];
    int count;
    int timeout_ms;                     /* of the statement; 0: 5 s */

    char sqlstate[6];                   /* of an error, "" when it is not of SQL */
    char value[COMMAND_VALUE_MAX];      /* the first one that came back; "" when there is none */
};

/* false: standard error says that the database does not answer, or that it refused, unless `sqlstate` says more. */
bool command_run(struct command *c);

#endif
