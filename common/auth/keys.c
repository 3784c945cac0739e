#include "auth/keys.h"

#include "auth/token.h"
#include "base/log.h"
#include "http/client.h"
#include "http/worker.h"

#include <event2/event.h>
#include <stdlib.h>

enum { FRESH_S = 30, RETRY_MS = 100, TIMEOUT_MS = 2000, JWKS_MAX = 64 * 1024 };

struct keys {
    struct worker *worker;
    struct origin *origin;
    struct str path;
    struct event *timer;
    struct exchange *exchange; /* NULL: nothing is asked */
    const char *fault; /* of TLS, as the log says */
};

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct keys *k = arg;
    k->exchange = NULL;
    bool ok = reply->error == CLIENT_OK && reply->status == 200 && tokens_set_keys(k->worker->tokens, reply->body);
    if (!ok && tokens_have_keys(k->worker->tokens)) log_warn("signing keys not refreshed", LOG_INT("status", reply->status));
    if (reply->fault && reply->fault != k->fault) log_warn("no TLS with JWKS_URL", LOG_Z("reason", reply->fault));
    k->fault = reply->fault;
    bool wait_long = ok || tokens_have_keys(k->worker->tokens);
    struct timeval wait = { wait_long ? FRESH_S : 0, wait_long ? 0 : RETRY_MS * 1000 };
    event_add(k->timer, &wait);
}

static void on_timer(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct keys *k = arg;
    struct client_request request = {
        .method = METHOD_GET, .target = k->path, .timeout_ms = TIMEOUT_MS, .reply_max = JWKS_MAX, .idempotent = true
    };
    k->exchange = client_send(k->origin, &request, on_reply, k);
}

struct keys *keys_new(struct worker *w, const char *jwks_url)
{
    const char *host = strstr(jwks_url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    if (!path) return NULL;
    struct origin *origin = client_origin(w->client, (struct str){ jwks_url, (size_t)(path - jwks_url) });
    if (!origin) return NULL;
    struct keys *k = calloc(1, sizeof *k);
    if (!k) abort();
    *k = (struct keys){ .worker = w, .origin = origin, .path = str_of(path) };
    k->timer = event_new(w->base, -1, 0, on_timer, k);
    event_active(k->timer, 0, 0);
    return k;
}

void keys_free(struct keys *k)
{
    if (k->exchange) client_abort(k->exchange);
    event_free(k->timer);
    free(k);
}
