/* command: what auth-service does from a shell: one statement on the database of DATABASE_URL. */
#ifndef AUTH_SERVICE_COMMAND_H
#define AUTH_SERVICE_COMMAND_H

#include "io/pg.h"

/* Runs it and says on standard error, after `name`, what went wrong; `exists`: what a duplicate is. The exit status. */
int command_run(const char *name, const char *url, const struct pg_stmt *stmt, const char *const *values, int count, const char *exists);

#endif
