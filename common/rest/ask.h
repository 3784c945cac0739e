/* ask: a question to another service in the course of a request, as its caller: with his token, the request's id, and what is left of
 * its time, two seconds at most. A service that fails again and again is not asked for a while (base/breaker). */
#ifndef REST_ASK_H
#define REST_ASK_H

#include "http/client.h"
#include "http/req.h"

/* The base URL of a service, or NULL: where to find the others. Once, before the first request. */
void ask_set(const char *(*url_of)(const struct worker *w, const char *service));

/* Gets the answer, or reply->error; goes on with the request, or answers it. */
typedef void (*ask_fn)(struct req *r, void *arg, const struct client_reply *reply);

enum asked { ASKED, ASKED_NOWHERE /* its URL is not set */, ASKED_IN_VAIN /* it is away: not asked */ };

/* `service` and `body` (absent: none) live as long as the request. `done` is called later if it was ASKED, else never. */
enum asked ask(struct req *r, const char *service, enum method method, struct str target, struct str body, ask_fn done, void *arg);

/* r->problem: 503, as nobody can say whether `field` is good. */
void ask_unanswered(struct req *r, struct str field);

#endif
