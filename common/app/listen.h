/* listen: how a process takes connections: the settings of its limits, the census that its workers share, its servers. */
#ifndef APP_LISTEN_H
#define APP_LISTEN_H

#include "base/config.h"
#include "http/server.h"

struct listen_settings {
    int connections_max, connections_address_max, requests_max, queue_ms;
    int head_max, headers_max, target_max, body_max;
    int head_ms, body_ms, body_rate, idle_ms;
};
extern const struct opt listen_opts[];

struct listen_place {
    const char *address;
    int port; /* 0: none, where that is allowed */
};

enum { LISTEN_PLACES_MAX = 3 };

/* Before the workers start. False: one of the places is another process's, or this one's twice, as the log says; listen_stop() all
 * the same. */
bool listen_start(const struct listen_settings *s, const struct listen_place *places, size_t count);
void listen_stop(void); /* after they have ended */

/* A server with these limits; what it refuses is answered in the error envelope, but health and metrics are told however busy
 * it is. NULL: it cannot listen, as the log says. `config`: address, port, tls and what becomes of requests. `is_public`: its
 * connections count. */
struct server *listen_open(struct worker *w, struct server_config config, bool is_public);

/* The limits of the worker's settings as they are now, also for the connections that are there. */
void listen_apply(const struct worker *w, struct server *server);

/* Says in the log, at most once a second, how many connections were closed at accept. From each worker's tick. */
void listen_tell(const struct worker *w);

#endif
