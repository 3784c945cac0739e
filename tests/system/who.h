/* who: somebody who has logged in, and what becomes of the session. */
#ifndef SYSTEM_WHO_H
#define SYSTEM_WHO_H

#include "http.h"

#define WHO_PASSWORD "correct horse battery" /* of every user that a test makes */

struct who {
    const char *name, *id, *session, *token, *refresh;
};

/* `more` is further members: ",\"device_name\":\"…\"", or NULL. */
struct reply *who_login(const char *url, const char *name, const char *password, const char *more);

struct who who_of(struct reply *r, const char *at); /* of a reply with tokens, at "" or "data." in it; the test ends when there are none */
struct who who_again(const char *name);             /* a further session of a user that who_new() has made */
struct who who_new(void);                           /* a user with one session */

struct reply *who_refresh(const char *refresh_token);
long who_sessions(const struct who *w);             /* that live */
const char *who_ended(const char *session);         /* why, or "nobody" */
void expect_ended(const struct who *w, const char *by); /* for this reason, announced, and of no use any more */

#endif
