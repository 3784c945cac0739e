/* feed: reading a service's events as another service does. */
#ifndef SYSTEM_FEED_H
#define SYSTEM_FEED_H

#include "http.h"

/* A token of the client that `service` ("CUSTOMER_SERVICE", ...) is, for the service named `audience`. */
char *client_token(const char *service, const char *audience);

/* GET /internal/v1/events of customer-service as opportunity-service, with `query` ("limit=5", or ""). */
struct reply *events(const char *query);

/* Where the events of customer-service end now. */
char *events_end(void);

#endif
