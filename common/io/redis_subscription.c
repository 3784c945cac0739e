/* hiredis 0.14, as redis.c knows it, and of SUBSCRIBE: its callback gets each message and, when the context ends, NULL. */
#include "io/redis_subscription.h"

#include "base/log.h"
#include "io/redis_url.h"

#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <signal.h>
#include <stdlib.h>

enum { BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 2000 };

struct redis_subscription {
    struct event_base *base;
    struct arena arena; /* of url */
    struct redis_url url;
    const char *channel;
    void (*on_message)(void *arg);
    void *arg;
    redisAsyncContext *context; /* NULL: none, or it is dying */
    struct event *retry;
    int backoff_ms;
    bool closing, complained;
};

static void gone(struct redis_subscription *s, const char *why)
{
    s->context = NULL;
    if (s->closing) return;
    if (!s->complained) log_warn("Redis subscription lost", LOG_Z("channel", s->channel), LOG_Z("why", why));
    s->complained = true;
    int ms = s->backoff_ms / 2 + rand() % (s->backoff_ms / 2 + 1);
    struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
    s->backoff_ms = s->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : s->backoff_ms * 2;
    event_add(s->retry, &wait);
}

static void drop(struct redis_subscription *s, const char *why)
{
    redisAsyncContext *context = s->context;
    if (!context) return;
    gone(s, why);
    redisAsyncFree(context);
}

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis_subscription *s = context->data;
    if (status != REDIS_OK && context == s->context) gone(s, context->errstr);
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct redis_subscription *s = context->data;
    (void)status;
    if (context == s->context) gone(s, context->errstr ? context->errstr : "");
}

static void on_login(redisAsyncContext *context, void *reply, void *arg)
{
    struct redis_subscription *s = arg;
    const redisReply *r = reply;
    if (r && r->type == REDIS_REPLY_ERROR && context == s->context) drop(s, r->str);
}

/* ["subscribe", channel, 1], then ["message", channel, payload] for each */
static void on_push(redisAsyncContext *context, void *reply, void *arg)
{
    struct redis_subscription *s = arg;
    const redisReply *r = reply;
    if (!r || context != s->context) return;
    if (r->type == REDIS_REPLY_ERROR) return drop(s, r->str);
    s->complained = false;
    s->backoff_ms = BACKOFF_MIN_MS;
    s->on_message(s->arg);
}

static void on_retry(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct redis_subscription *s = arg;
    const struct redis_url *u = &s->url;
    redisAsyncContext *context = u->path ? redisAsyncConnectUnix(u->path) : redisAsyncConnect(u->host, u->port);
    if (!context) abort();
    context->data = s;
    s->context = context;
    if (context->err) return drop(s, context->errstr);
    redisLibeventAttach(context, s->base);
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    bool named = !str_is_none(u->user);
    if (!str_is_none(u->password))
        redisAsyncCommandArgv(context, on_login, s, named ? 3 : 2,
                              (const char *[]){ "AUTH", named ? u->user.p : u->password.p, u->password.p },
                              (size_t[]){ 4, named ? u->user.len : u->password.len, u->password.len });
    redisAsyncCommandArgv(context, on_push, s, 2, (const char *[]){ "SUBSCRIBE", s->channel }, NULL);
}

struct redis_subscription *redis_subscribe(struct event_base *base, const char *url, const char *channel, void (*on_message)(void *arg),
                                           void *arg)
{
    struct redis_subscription *s = calloc(1, sizeof *s);
    if (!s) abort();
    signal(SIGPIPE, SIG_IGN); /* hiredis writes without MSG_NOSIGNAL */
    arena_init(&s->arena);
    if (!redis_url_read(&s->arena, str_of(url), &s->url)) {
        arena_done(&s->arena);
        free(s);
        return NULL;
    }
    s->base = base;
    s->channel = channel;
    s->on_message = on_message;
    s->arg = arg;
    s->backoff_ms = BACKOFF_MIN_MS;
    s->retry = event_new(base, -1, 0, on_retry, s);
    event_active(s->retry, 0, 0);
    return s;
}

void redis_unsubscribe(struct redis_subscription *s)
{
    if (!s) return;
    s->closing = true;
    drop(s, "closing");
    event_free(s->retry);
    arena_done(&s->arena);
    free(s);
}
