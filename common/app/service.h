/* service: everything a service is besides its tables. */
#ifndef APP_SERVICE_H
#define APP_SERVICE_H

#include "app/follow.h"
#include "base/config.h"
#include "http/route.h"
#include "io/pg.h"
#include "schema/schema.h"

struct errand;
struct remote;
struct worker;

struct service {
    const char *name;
    const struct route_table *routes;
    const struct str *openapi;
    const struct resource *const *resources;     /* NULL-terminated: those with rest_* routes */
    const struct pg_stmt *const *statements;     /* NULL-terminated, the service's own; or NULL */
    const struct opt *opts;                      /* its own settings; or NULL */
    size_t settings_size;                        /* of the struct that they fill */
    const struct source *sources;                /* whose events it follows, ends in {0}; or NULL */
    const struct remote *remotes;                /* references that it may ask others for, ends in {0}; or NULL */
    const struct errand *errands;                /* what it asks others by itself, ends in {0}; or NULL */
    const char *announces;                       /* channel of PostgreSQL whose notifications Redis is to pass on; or NULL */
};

/* Configuration, log, database, HTTP; serves until SIGTERM, drains, returns the exit status. With the argument
 * "configuration" it prints its settings as Markdown instead; with "rotate-data-keys" it encrypts anew what older keys encrypted
 * (rest/reseal.h). */
int service_run(const struct service *s, int argc, char **argv);

/* The service's own settings as they are now: not kept for later. */
const void *service_settings(const struct worker *w);

#endif
