/* client_name: who a request's client is, behind proxies that say so (forwarded.h). */
#ifndef HTTP_CLIENT_NAME_H
#define HTTP_CLIENT_NAME_H

#include "http/forwarded.h"
#include "http/req.h"

/* r->peer becomes the client that trusted proxies name in X-Forwarded-For; of an untrusted peer it stays what it is. */
void client_name(struct req *r, const struct cidr_set *trusted);

#endif
