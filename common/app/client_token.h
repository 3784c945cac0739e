/* client_token: a token of this process's own for one other service (client credentials, RFC 6749 section 4.4), kept until shortly before
 * it expires. For one user, who asks for one thing at a time. */
#ifndef APP_CLIENT_TOKEN_H
#define APP_CLIENT_TOKEN_H

#include "base/str.h"

struct client_token;
struct peers;
struct worker;

struct client_token *client_token_new(struct worker *w, const struct peers *p, const char *audience); /* peers: with auth_url and client */
void client_token_free(struct client_token *t); /* before the worker's client; gives up what is asked */

/* Calls `done` with the token, at once or later; absent: there is none, as the log says. Not again before `done`. */
typedef void (*client_token_fn)(void *arg, struct str token);
void client_token_get(struct client_token *t, client_token_fn done, void *arg);
void client_token_drop(struct client_token *t); /* it was refused */

#endif
