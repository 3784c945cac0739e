/* staff: users, departments and roles as an administrator makes them, through the API of auth-service. */
#ifndef SYSTEM_STAFF_H
#define SYSTEM_STAFF_H

#include "http.h"

#define STAFF_PASSWORD "correct horse battery"

/* Each makes a record and returns its id; the test ends when that fails. `more` is further members: "\"phone\":\"…\"", or NULL. */
char *user(const char *username, const char *more);          /* enabled, with STAFF_PASSWORD, which need not be changed */
char *department(const char *name, const char *parent);      /* parent: an id, or NULL */
char *role(const char *role_name, const char *permissions);  /* of scope all: "\"customer:view\",…" */

char *user_path(const char *id); /* /api/v1/users/<id> */

/* A request of the administrator to auth-service, for race(). */
struct request staff_request(const char *method, const char *path, const char *body);

/* What the error says of `field`: the member "reason", "allowed" or "existing_id" of its detail. */
const char *detail_text(struct reply *r, const char *field, const char *member);

/* Revocations of this user's tokens so far. */
long revocations_of(const char *user_id);

#endif
