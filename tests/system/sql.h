/* sql: the database behind the services' backs, as a service's own role, so that its triggers run. */
#ifndef SYSTEM_SQL_H
#define SYSTEM_SQL_H

/* Runs one statement on a connection to `url` (a libpq URL); the test ends when it fails. The first value of the first
 * row, or "" when there is none; lives until the test ends. Only for the test's own thread. */
char *sql(const char *url, const char *format, ...) __attribute__((format(printf, 2, 3)));
long sql_count(const char *url, const char *format, ...) __attribute__((format(printf, 2, 3)));

void sql_forget(void); /* after the server has been restarted */
void sql_end(void);

#endif
