/* gateway: the one door for API consumers (requirement document, section 2.3): HTTPS, token and permission per route,
 * routing by the registry made from proto-json-schemas, one log line per request. What is not registered does not
 * exist. */
#include "gateway.h"

#include "app/app.h"
#include "app/certificates.h"
#include "app/listen.h"
#include "app/outgoing.h"
#include "app/start.h"
#include "base/log.h"
#include "registry.h"

#include <stdio.h>
#include <stdlib.h>

static struct listen_settings listen_settings;

static bool reload(void)
{
    return certificates_reload(&gateway_settings.tls);
}

int main(int argc, char **argv)
{
    const struct start_group groups[] = { { "gateway", gateway_opts, &gateway_settings },
                                          { "Limits of the gateway", listen_opts, &listen_settings },
                                          OUTGOING_GROUP,
                                          { 0 } };
    if (argc == 2 && !strcmp(argv[1], "configuration")) return start_document(groups), EXIT_SUCCESS;
    struct gateway_settings *s = &gateway_settings;
    s->workers = start_workers();
    start_load("gateway", groups);
    log_init("gateway", start_log_level(s->log_level));
    start_log(groups);
    struct str bad;
    gateway_trusted = cidr_set_new();
    const char *fault = cidr_set_add_list(gateway_trusted, str_of(s->trusted_proxies), 1, &bad);
    if (fault) return fprintf(stderr, "gateway: cannot start: TRUSTED_PROXIES: %.*s: %s\n", STR_ARG(bad), fault), EXIT_FAILURE;
    fault = certificates_load(&s->tls);
    if (fault) return fprintf(stderr, "gateway: cannot start: %s\n", fault), EXIT_FAILURE;
    static struct app app;
    app = (struct app){ .name = "gateway",
                        .worker_count = s->workers,
                        .drain_delay_ms = s->drain_delay_ms,
                        .drain_ms = s->drain_ms,
                        .access_log = s->access_log,
                        .routes = registry,
                        .start = gateway_worker_start,
                        .drain = gateway_worker_drain,
                        .is_busy = gateway_worker_is_busy,
                        .stop = gateway_worker_stop,
                        .ready = gateway_worker_ready,
                        .reload = reload,
                        .reloaded = certificates_renew };
    listen_start(&listen_settings, s->workers);
    int status = app_run(&app);
    listen_stop();
    tls_unload();
    cidr_set_free(gateway_trusted);
    return status;
}
