#include "app/client_token.h"

#include "app/peers.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "http/client.h"
#include "http/worker.h"
#include "json/json_read.h"

#include <stdlib.h>

enum { TIMEOUT_MS = 5000, EARLY_S = 60 };

struct client_token {
    struct origin *origin;
    const struct peers *peers;
    const char *audience;
    char text[LIMIT_TOKEN + 1];
    uint64_t until_us; /* 0: there is none */
    struct exchange *exchange;
    client_token_fn done;
    void *arg;
    bool is_failing;
};

struct client_token *client_token_new(struct worker *w, const struct peers *p, const char *audience)
{
    struct client_token *t = calloc(1, sizeof *t);
    if (!t) abort();
    *t = (struct client_token){ .origin = client_origin(w->client, str_of(p->auth_url)), .peers = p, .audience = audience };
    return t;
}

void client_token_free(struct client_token *t)
{
    if (!t) return;
    if (t->exchange) client_abort(t->exchange);
    explicit_bzero(t->text, sizeof t->text);
    free(t);
}

static bool keep(struct client_token *t, const struct client_reply *reply)
{
    struct arena a;
    struct problem p = { 0 };
    int64_t life_s = 0;
    if (reply->error != CLIENT_OK || reply->status != 200) return false;
    arena_init(&a);
    const struct json *body = json_read(&a, reply->body, &p);
    const struct json *token = body ? json_get(body, STR("access_token")) : NULL, *life = body ? json_get(body, STR("expires_in")) : NULL;
    struct str text = token ? json_text(token) : STR_NONE;
    bool ok = text.len && text.len <= LIMIT_TOKEN && life && str_to_i64(json_text(life), 1, INT32_MAX, &life_s);
    if (ok) {
        memcpy(t->text, text.p, text.len);
        t->text[text.len] = '\0';
        t->until_us = clock_us() + (uint64_t)(life_s > 2 * EARLY_S ? life_s - EARLY_S : life_s / 2) * 1000000;
    }
    arena_done(&a);
    return ok;
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct client_token *t = arg;
    t->exchange = NULL;
    bool ok = keep(t, reply);
    if (!ok && !t->is_failing) log_warn("no token for another service", LOG_Z("service", t->audience), LOG_INT("status", reply->status));
    t->is_failing = !ok;
    t->done(t->arg, ok ? str_of(t->text) : STR_NONE);
}

void client_token_get(struct client_token *t, client_token_fn done, void *arg)
{
    static const struct header form[] = { { STR("Content-Type"), STR("application/x-www-form-urlencoded") } };
    if (t->until_us > clock_us()) return done(arg, str_of(t->text));
    struct arena a;
    arena_init(&a);
    t->done = done;
    t->arg = arg;
    struct client_request request = {
        .method = METHOD_POST, .target = STR("/api/v1/auth/token"), .headers = form, .header_count = 1,
        .timeout_ms = TIMEOUT_MS, .reply_max = 2 * LIMIT_TOKEN, .idempotent = true,
        .body = arena_printf(&a, "grant_type=client_credentials&audience=%s&client_id=%s&client_secret=%s", t->audience,
                             t->peers->client_id, t->peers->client_secret),
    };
    t->exchange = client_send(t->origin, &request, on_reply, t);
    arena_done(&a);
}

void client_token_drop(struct client_token *t)
{
    t->until_us = 0;
}
