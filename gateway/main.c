/* gateway: the one door for API consumers (requirement document, section 2.3): HTTPS, token and permission per route,
 * routing by the registry made from proto-json-schemas, one log line per request. What is not registered does not
 * exist. */
#include "gateway.h"
#include "limiter.h"
#include "spool.h"
#include "upstream_metrics.h"

#include "app/app.h"
#include "app/listen.h"
#include "base/log.h"
#include "registry.h"

#include <stdlib.h>

static void print_metrics(const struct app *app, struct buf *out)
{
    upstream_metrics_print(app, out);
    limiter_print(out);
    addresses_print(out);
    audit_print(out);
    watch_print(out);
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "configuration")) return settings_document(&gateway_plan), EXIT_SUCCESS;
    const struct gateway_settings *s = settings_start(&gateway_plan);
    static struct app app;
    app = (struct app){ .name = "gateway",
                        .worker_count = s->app.workers,
                        .routes = registry,
                        .start = gateway_worker_start,
                        .drain = gateway_worker_drain,
                        .is_busy = gateway_worker_is_busy,
                        .stop = gateway_worker_stop,
                        .ready = gateway_worker_ready,
                        .reloaded = gateway_worker_reloaded,
                        .tick = gateway_worker_tick,
                        .metrics = print_metrics };
    const char *fault = s->audit.folder ? spool_start(s->audit.folder) : NULL;
    if (fault) {
        log_error("AUDIT_FOLDER cannot be used", LOG_Z("folder", s->audit.folder), LOG_Z("why", fault));
        return EXIT_FAILURE;
    }
    bool is_alone = gateway_listens_alone(s);
    upstream_metrics_start(app.worker_count);
    limiter_start(app.worker_count);
    watch_start();
    int status = is_alone ? app_run(&app) : EXIT_FAILURE;
    watch_stop();
    limiter_stop();
    upstream_metrics_end();
    listen_stop();
    spool_stop();
    settings_end();
    return status;
}
