/* gateway: the one door for API consumers (requirement document, section 2.3): HTTPS, token and permission per route,
 * routing by the registry made from proto-json-schemas, one log line per request. What is not registered does not
 * exist. */
#include "gateway.h"
#include "tls.h"

#include "app/app.h"
#include "app/listen.h"
#include "app/settings.h"
#include "app/start.h"
#include "base/log.h"
#include "registry.h"

#include <stdio.h>
#include <stdlib.h>

static struct listen_settings listen_settings;

static bool reload(void)
{
    const char *fault = tls_load(gateway_settings.cert_file, gateway_settings.key_file);
    if (fault) log_error("certificate not reloaded, the old one stays", LOG_Z("reason", fault));
    else log_info("certificate reloaded");
    return !fault;
}

int main(int argc, char **argv)
{
    static struct app_settings process;
    const struct start_group groups[] = { { "Every process", app_opts, &process },
                                          { "gateway", gateway_opts, &gateway_settings },
                                          { "Limits of the gateway", listen_opts, &listen_settings },
                                          { 0 } };
    if (argc == 2 && !strcmp(argv[1], "configuration")) return start_document(groups), EXIT_SUCCESS;
    struct gateway_settings *s = &gateway_settings;
    process.workers = start_workers();
    start_load("gateway", groups);
    log_init("gateway", start_log_level(process.log_level));
    start_log(groups);
    struct str bad;
    gateway_trusted = cidr_set_new();
    const char *fault = cidr_set_add_list(gateway_trusted, str_of(s->trusted_proxies), 1, &bad);
    if (fault) return fprintf(stderr, "gateway: cannot start: TRUSTED_PROXIES: %.*s: %s\n", STR_ARG(bad), fault), EXIT_FAILURE;
    fault = tls_load(s->cert_file, s->key_file);
    if (fault) return fprintf(stderr, "gateway: cannot start: %s\n", fault), EXIT_FAILURE;
    static struct app app;
    app = (struct app){ .name = "gateway",
                        .settings = &process,
                        .routes = registry,
                        .start = gateway_worker_start,
                        .drain = gateway_worker_drain,
                        .is_busy = gateway_worker_is_busy,
                        .stop = gateway_worker_stop,
                        .ready = gateway_worker_ready,
                        .reload = reload,
                        .reloaded = gateway_worker_reloaded };
    listen_start(&listen_settings, process.workers);
    int status = app_run(&app);
    listen_stop();
    tls_unload();
    cidr_set_free(gateway_trusted);
    return status;
}
