#include "app/certificates.h"

#include "app/outgoing.h"
#include "base/log.h"
#include "http/client.h"
#include "http/server.h"
#include "http/worker.h"

const char *certificates_load(const struct tls_files *server)
{
    bool is_wanted = server->cert_file || server->key_file || server->ca_file;
    const char *fault = is_wanted ? tls_load(TLS_SERVER, server) : NULL;
    return fault ? fault : outgoing_load();
}

bool certificates_reload(const struct tls_files *server)
{
    const char *fault = certificates_load(server);
    if (fault) log_error("certificate not reloaded, the old one stays", LOG_Z("reason", fault));
    else log_info("certificate reloaded");
    return !fault;
}

void certificates_renew(struct worker *w)
{
    void *old = w->tls;
    w->tls = tls_hold(TLS_SERVER);
    if (w->server) server_set_tls(w->server, w->tls);
    client_set_tls(w->client, tls_hold(TLS_CLIENT));
    tls_release(old);
}

void certificates_drop(struct worker *w)
{
    tls_release(w->tls);
    w->tls = NULL;
}
