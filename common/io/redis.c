/* The only user of hiredis 0.14. What it taught:
 * - it has no timeouts: `sent` mirrors its queue of callbacks, with deadlines;
 * - when a context ends, for whatever reason, each pending callback gets NULL, then the context frees itself; the disconnect
 *   callback comes only if it had connected;
 * - redisAsyncFree() inside one of its callbacks takes effect when that returns. So nobody's code runs while a context dies:
 *   failures are delivered from the loop. */
#include "io/redis.h"
#include "io/redis_url.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 2000, HANDSHAKE_MS = 2000 };
enum state { DOWN, HANDSHAKE, READY };

struct command {
    redis_done *done; /* NULL: answered already (timed out), its reply is awaited */
    void *arg;
    uint64_t deadline_us;
    enum redis_kind failure;
    struct redis *redis;
    struct command *next;
};

struct queue {
    struct command *first, **end;
    size_t length;
};

struct redis {
    struct event_base *base;
    struct arena arena; /* of url */
    struct redis_url url;
    redisAsyncContext *context; /* NULL: none, or it is dying */
    enum state state;
    bool closing, complained;
    int backoff_ms;
    struct queue sent, failed;
    uint64_t alarm_us; /* when `alarm` rings; 0: it is not set */
    struct event *alarm, *deliver, *retry;
};

/* --- queues -------------------------------------------------------------------------------------------------------- */

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->end = &q->first;
    q->length = 0;
}

static void queue_push(struct queue *q, struct command *c)
{
    c->next = NULL;
    *q->end = c;
    q->end = &c->next;
    q->length++;
}

static struct command *queue_pop(struct queue *q)
{
    struct command *c = q->first;
    if (!c) return NULL;
    q->first = c->next;
    if (!q->first) q->end = &q->first;
    q->length--;
    return c;
}

/* --- outcomes ------------------------------------------------------------------------------------------------------ */

static struct command *command_new(struct redis *r, redis_done *done, void *arg)
{
    struct command *c = calloc(1, sizeof *c);
    if (!c) abort();
    *c = (struct command){ .done = done, .arg = arg, .redis = r };
    return c;
}

static void fail_later(struct redis *r, struct command *c, enum redis_kind failure)
{
    c->failure = failure;
    queue_push(&r->failed, c);
    event_active(r->deliver, 0, 0);
}

/* Only what has failed by now: a callback that tries again at once must not keep the loop here. */
static void deliver_failed(struct redis *r)
{
    for (size_t n = r->failed.length; n; n--) {
        struct command *c = queue_pop(&r->failed);
        c->done(c->arg, &(struct redis_value){ .kind = c->failure });
        free(c);
    }
}

static void on_deliver(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    deliver_failed(arg);
}

static void value_of(struct arena *a, const redisReply *reply, struct redis_value *v)
{
    static const enum redis_kind kinds[] = {
        [REDIS_REPLY_STRING] = REDIS_STRING, [REDIS_REPLY_STATUS] = REDIS_STRING, [REDIS_REPLY_INTEGER] = REDIS_INTEGER,
        [REDIS_REPLY_ARRAY] = REDIS_ARRAY,   [REDIS_REPLY_NIL] = REDIS_NIL,       [REDIS_REPLY_ERROR] = REDIS_ERROR,
    };
    *v = (struct redis_value){ .kind = kinds[reply->type] };
    if (v->kind == REDIS_INTEGER) v->integer = reply->integer;
    if (v->kind == REDIS_STRING || v->kind == REDIS_ERROR) v->text = (struct str){ reply->str, (size_t)reply->len };
    if (v->kind != REDIS_ARRAY) return;
    struct redis_value *items = arena_array(a, struct redis_value, reply->elements);
    for (size_t i = 0; i < reply->elements; i++) value_of(a, reply->element[i], &items[i]); /* hiredis allows 7 levels */
    v->items = items;
    v->count = reply->elements;
}

static void on_reply(redisAsyncContext *context, void *reply, void *arg)
{
    struct command *c = arg;
    struct redis *r = c->redis;
    (void)context;
    if (queue_pop(&r->sent) != c) abort(); /* hiredis answers in order */
    if (c->done && !reply) {
        fail_later(r, c, REDIS_DOWN);
        return;
    }
    if (c->done) {
        struct arena a = { 0 };
        struct redis_value v;
        value_of(&a, reply, &v);
        c->done(c->arg, &v);
        arena_done(&a);
    }
    free(c);
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

static void alarm_set(struct redis *r, uint64_t deadline_us)
{
    if (r->alarm_us && r->alarm_us <= deadline_us) return;
    uint64_t now = clock_us(), wait = deadline_us > now ? deadline_us - now : 0;
    struct timeval tv = { (time_t)(wait / 1000000), (suseconds_t)(wait % 1000000) };
    r->alarm_us = deadline_us;
    event_add(r->alarm, &tv);
}

static void command_send(struct redis *r, struct command *c, int timeout_ms, int argc, const char *const *argv,
                         const size_t *argvlen)
{
    c->deadline_us = clock_us() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000;
    if (redisAsyncCommandArgv(r->context, on_reply, c, argc, (const char **)argv, argvlen) != REDIS_OK) {
        fail_later(r, c, REDIS_DOWN);
        return;
    }
    queue_push(&r->sent, c);
    alarm_set(r, c->deadline_us);
}

void redis_command(struct redis *r, int timeout_ms, redis_done *done, void *arg, int argc, const char *const *argv,
                   const size_t *argvlen)
{
    struct command *c = command_new(r, done, arg);
    if (r->state != READY) fail_later(r, c, REDIS_DOWN);
    else if (r->sent.length >= LIMIT_REDIS_QUEUE) fail_later(r, c, REDIS_BUSY);
    else command_send(r, c, timeout_ms, argc, argv, argvlen);
}

/* --- the connection ------------------------------------------------------------------------------------------------- */

/* Once per outage: the attempts that follow are silent. */
static void complain(struct redis *r, struct str why)
{
    if (!r->complained && !r->closing) log_warn("Redis connection failed", LOG_STR("why", why));
    r->complained = true;
}

static void connect_later(struct redis *r)
{
    int ms = r->backoff_ms / 2 + rand() % (r->backoff_ms / 2 + 1);
    struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
    r->backoff_ms = r->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : r->backoff_ms * 2;
    if (!r->closing) event_add(r->retry, &wait);
}

static void gone(struct redis *r, struct str why)
{
    r->context = NULL;
    r->state = DOWN;
    complain(r, why);
    connect_later(r);
}

static void drop(struct redis *r, struct str why)
{
    redisAsyncContext *context = r->context;
    if (!context) return;
    gone(r, why);
    redisAsyncFree(context); /* fails what is in `sent` */
}

static void on_alarm(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct redis *r = arg;
    uint64_t now = clock_us(), next = UINT64_MAX;
    r->alarm_us = 0;
    bool dead = r->sent.first && r->sent.first->deadline_us <= now;
    for (struct command *c = r->sent.first; c; c = c->next) {
        if (c->deadline_us > now && c->deadline_us < next) next = c->deadline_us;
        if (c->deadline_us > now || !c->done) continue;
        fail_later(r, command_new(r, c->done, c->arg), REDIS_TIMEOUT);
        c->done = NULL;
    }
    if (dead) drop(r, STR("no answer in time"));
    else if (next != UINT64_MAX) alarm_set(r, next);
}

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis *r = context->data;
    if (status != REDIS_OK && context == r->context) gone(r, str_of(context->c.errstr));
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct redis *r = context->data;
    (void)status;
    if (context == r->context) gone(r, str_of(context->errstr ? context->errstr : ""));
}

static void on_greeted(void *arg, const struct redis_value *v)
{
    struct redis *r = arg;
    if (v->kind == REDIS_ERROR) drop(r, v->text);
}

static void on_pong(void *arg, const struct redis_value *v)
{
    struct redis *r = arg;
    on_greeted(r, v);
    if (v->kind != REDIS_STRING || r->state != HANDSHAKE) return;
    r->state = READY;
    r->complained = false;
    r->backoff_ms = BACKOFF_MIN_MS;
    log_info("Redis connected");
}

static void greet(struct redis *r, redis_done *done, int argc, const char *const *argv, const size_t *argvlen)
{
    command_send(r, command_new(r, done, r), HANDSHAKE_MS, argc, argv, argvlen);
}

/* hiredis keeps these until it has connected; their deadline bounds that too. */
static void handshake(struct redis *r)
{
    const struct redis_url *u = &r->url;
    bool named = !str_is_none(u->user);
    char db[16];
    snprintf(db, sizeof db, "%d", u->db);
    if (!str_is_none(u->password))
        greet(r, on_greeted, named ? 3 : 2, (const char *[]){ "AUTH", named ? u->user.p : u->password.p, u->password.p },
              (size_t[]){ 4, named ? u->user.len : u->password.len, u->password.len });
    if (u->db) greet(r, on_greeted, 2, (const char *[]){ "SELECT", db }, NULL);
    greet(r, on_pong, 1, (const char *[]){ "PING" }, NULL);
}

static void on_retry(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct redis *r = arg;
    redisAsyncContext *context = r->url.path ? redisAsyncConnectUnix(r->url.path) : redisAsyncConnect(r->url.host, r->url.port);
    if (!context) abort();
    context->data = r;
    r->context = context;
    r->state = HANDSHAKE;
    if (context->err) {
        drop(r, str_of(context->errstr));
        return;
    }
    redisLibeventAttach(context, r->base);
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    handshake(r);
}

/* --- life ----------------------------------------------------------------------------------------------------------- */

struct redis *redis_new(struct event_base *base, const char *url)
{
    struct redis *r = calloc(1, sizeof *r);
    if (!r) abort();
    signal(SIGPIPE, SIG_IGN); /* hiredis writes without MSG_NOSIGNAL */
    arena_init(&r->arena);
    if (!redis_url_read(&r->arena, str_of(url), &r->url)) {
        arena_done(&r->arena);
        free(r);
        return NULL;
    }
    r->base = base;
    r->backoff_ms = BACKOFF_MIN_MS;
    queue_init(&r->sent);
    queue_init(&r->failed);
    r->alarm = event_new(base, -1, 0, on_alarm, r);
    r->deliver = event_new(base, -1, 0, on_deliver, r);
    r->retry = event_new(base, -1, 0, on_retry, r);
    event_active(r->retry, 0, 0);
    return r;
}

void redis_free(struct redis *r)
{
    r->closing = true;
    drop(r, STR("closing"));
    r->state = DOWN;
    while (r->failed.length) deliver_failed(r);
    event_free(r->alarm);
    event_free(r->deliver);
    event_free(r->retry);
    arena_done(&r->arena);
    free(r);
}

bool redis_takes_url(const char *url)
{
    struct arena a;
    struct redis_url where;
    arena_init(&a);
    bool ok = redis_url_read(&a, str_of(url), &where);
    arena_done(&a);
    return ok;
}

bool redis_ready(const struct redis *r)
{
    return r->state == READY;
}

size_t redis_in_flight(const struct redis *r)
{
    return r->sent.length;
}
