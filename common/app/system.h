/* system: what every process answers about itself: /healthz, /readyz, /metrics. */
#ifndef APP_SYSTEM_H
#define APP_SYSTEM_H

#include "app/app.h"

extern const struct route_table system_routes;

/* `a` followed by `b`; lives until the process ends. */
struct route_table route_table_join(const struct route_table *a, const struct route_table *b);

#endif
