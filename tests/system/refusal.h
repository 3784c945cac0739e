/* refusal: what a server turns away: the answer in the error envelope, a line in the log, a count by reason. */
#ifndef SYSTEM_REFUSAL_H
#define SYSTEM_REFUSAL_H

#include "replica.h"

#define REQUEST(line, more) line " HTTP/1.1\r\nHost: localhost\r\n" more "\r\n"
#define PUBLIC REQUEST("GET /api/v1/auth/jwks", "") /* auth-service answers it to anybody */

void say(int fd, const char *bytes);

int refusals(const struct replica *r, const char *reason); /* until now */

/* `reply` is the error envelope; the refusal is in the log, and counted once since `before`. */
void expect_refused(const struct replica *r, const char *reply, int status, const char *slug, const char *reason, int before);
void expect_overloaded(const struct replica *r, const char *reply, const char *reason, int before); /* 503 with Retry-After */

#endif
