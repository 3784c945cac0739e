/* stack: the system under test: real processes on free ports, PostgreSQL and Redis, private to this test binary.
 *
 * system_main() starts it by deploy/stack.sh in a RUN_DIR of its own, logs the administrator in, runs the tests, and
 * stops it. A watcher process ends it too when the binary crashes or is killed: it waits for the end of a pipe that
 * only we hold open. What a sanitizer said in any log fails the run.
 *
 *   ATTACH=<env file>  use what runs already; nothing is started or stopped
 *   BIN_DIR            which build to run
 *   KEEP=1             leave RUN_DIR for a look
 *   ONLY=<part>        only the tests whose names hold it */
#ifndef SYSTEM_STACK_H
#define SYSTEM_STACK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <cmocka.h>

struct stack {
    const char *gateway_url, *gateway_admin_url, *ca_cert, *auth_url, *customer_url, *opportunity_url, *order_url;
    const char *auth_db, *customer_db, *opportunity_db, *order_db, *admin_db; /* libpq URLs */
    const char *username, *password;              /* the administrator */
    const char *admin_token;
    bool attached;
};
extern struct stack stack;

/* The main() of every test binary. Each test begins with the administrator talking to customer-service, and with its own set-up. */
int system_main(const char *name, const struct CMUnitTest *tests, size_t count);

/* For tests that kill parts or read logs: skips the rest of the test when attached to somebody's stack. */
void own_stack_only(void);

/* A part: "GATEWAY", "AUTH_SERVICE", "CUSTOMER_SERVICE", "OPPORTUNITY_SERVICE", "PG", "REDIS",
 * "SUPERVISOR". The pid recorded now; 0: none. */
pid_t part_pid(const char *part);
void part_signal(const char *part, int signal);                /* the test ends when the part is not there */
bool part_is_new(const char *part, pid_t old, double seconds); /* waits until another process has taken its place */
bool url_is_ready(const char *url, double seconds);            /* waits for 200 from <url>/readyz */

#endif
