/* crm: what tests make again and again. Names and codes are new in every run, so that a stack with data in it serves as
 * well. */
#ifndef SYSTEM_CRM_H
#define SYSTEM_CRM_H

#include "http.h"

const char *unique(const char *prefix); /* "prefix-<run>-<n>" */

/* Runs a command of auth-service's binary on its database; 0: it went well. */
int auth_service(const char *settings, const char *arguments);

/* The access token of a user; "" when the login fails. */
char *token_of(const char *username, const char *password);
char *user_with_role(const char *role); /* makes a user of one role (none: "") and logs in; the token */

struct user {
    const char *name;
    char *id, *token;
};
struct user user_in(const char *role, const char *department); /* the same, in a department (an id; NULL: none) */
void user_log_in(struct user *u);                              /* anew: the old token says what was true then */
char *role_with(const char *scope, const char *permissions);   /* makes a role; "customer:view,customer:update" */
char *department_below(const char *parent);                          /* makes one below another (an id; NULL: at the root); its id */

struct reply *call_as(const char *token, const char *method, const char *path, const char *body); /* one call as somebody else */

/* Each makes a record and returns its id; the test ends when that fails. `more` is further members: "\"phone\":\"…\"",
 * or NULL. */
char *customer(const char *name, const char *more);
char *contact(const char *name, const char *more);

/* Customers by SQL, as the service's role, so that its triggers run: every third "东方制药<n>", the others "西部医院<n>". Their industry. */
char *customers_in_bulk(int count);
char *industry(const char *name);
char *region(const char *name);

char *customer_path(const char *id); /* /api/v1/customers/<id> */

#define UUID_ABSENT "018f3c5e-7a10-7c3e-9b1a-000000000000"

#endif
