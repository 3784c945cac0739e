#include "auth/revocations.h"

#include "auth/revocation_set.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/client.h"
#include "http/worker.h"
#include "json/json_read.h"

#include <event2/event.h>
#include <stdlib.h>

/* POLL_MS and TIMEOUT_MS together are less than the second within which a revocation is promised to hold. Whoever failed once has
 * longer for the next answer: late is better than never. */
enum { POLL_MS = 400, TIMEOUT_MS = 500, LONG_TIMEOUT_MS = 5000, SWEEP_S = 60, PAGE_MAX = 1024 * 1024, CURSOR_MAX = 80 };

struct revocations {
    struct worker *worker;
    struct origin *origin;
    struct str path;
    char cursor[CURSOR_MAX]; /* of the last answer; "": none yet */
    struct revocation_set set;
    int64_t swept_s;
    struct event *timer;
    struct exchange *exchange; /* NULL: nothing is asked */
    bool known, again, failing; /* again: it was told to hurry while an answer was on its way that may be too old */
};

static void tell_numbers(const struct revocations *r)
{
    __atomic_store_n(&r->worker->revocation_count, (uint64_t)r->set.used, __ATOMIC_RELAXED);
    __atomic_store_n(&r->worker->revocations_us, clock_us(), __ATOMIC_RELAXED);
}

/* --- an answer -------------------------------------------------------------------------------------------------------- */

static struct str text_of(const struct json *object, struct str name)
{
    const struct json *v = json_get(object, name);
    return v && json_kind(v) == JSON_STRING ? json_text(v) : STR_NONE;
}

static bool number_of(const struct json *object, struct str name, int64_t max, int64_t *ret)
{
    const struct json *v = json_get(object, name);
    return v && json_kind(v) == JSON_NUMBER && str_to_i64(json_text(v), 0, max, ret);
}

/* {"session_id": "...", "until": 1700000000} or {"user_id": "...", "generation": 7, "until": ...} */
static bool take_one(struct revocations *r, const struct json *v, int64_t now_s)
{
    struct revocation one;
    int64_t until_s, generation = REVOCATION_ALL;
    if (json_kind(v) != JSON_OBJECT || !number_of(v, STR("until"), UINT32_MAX, &until_s)) return false;
    struct str session = text_of(v, STR("session_id")), user = text_of(v, STR("user_id"));
    if (str_is_none(session) && !number_of(v, STR("generation"), REVOCATION_ALL, &generation)) return false;
    if (!uuid_bytes(str_is_none(session) ? user : session, one.id)) return false;
    one.generation = (int32_t)generation;
    one.until_s = (uint32_t)until_s;
    revocation_set_add(&r->set, &one, now_s);
    return true;
}

static bool take_all(struct revocations *r, struct arena *a, struct str body, bool *ret_more)
{
    struct problem p = { 0 };
    const struct json *page = json_read(a, body, &p);
    if (!page || json_kind(page) != JSON_OBJECT) return false;
    const struct json *list = json_get(page, STR("revocations")), *more = json_get(page, STR("more"));
    struct str next = text_of(page, STR("next"));
    if (!list || json_kind(list) != JSON_ARRAY || !more || !next.len || next.len >= sizeof r->cursor) return false;
    int64_t now_s = clock_unix_ms() / 1000;
    for (const struct json *v = json_first(list); v; v = json_next(v))
        if (!take_one(r, v, now_s)) return false;
    memcpy(r->cursor, next.p, next.len);
    r->cursor[next.len] = 0;
    *ret_more = json_is_true(more);
    if (now_s - r->swept_s < SWEEP_S) return true;
    r->swept_s = now_s;
    revocation_set_sweep(&r->set, now_s);
    return true;
}

/* --- asking ----------------------------------------------------------------------------------------------------------- */

static void ask_in(struct revocations *r, int ms)
{
    struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
    event_add(r->timer, &wait);
}

static void complain(struct revocations *r, const struct client_reply *reply)
{
    if (!r->failing) log_warn("revocations not read", LOG_INT("status", reply->status), LOG_Z("fault", reply->fault));
    r->failing = true;
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct revocations *r = arg;
    struct arena a;
    bool more = false;
    arena_init(&a);
    r->exchange = NULL;
    bool ok = reply->error == CLIENT_OK && reply->status == 200 && take_all(r, &a, reply->body, &more);
    arena_done(&a);
    if (!ok) complain(r, reply);
    if (reply->status == 400) *r->cursor = 0; /* of another time: all of it again */
    bool whole = ok && !more;
    if (whole && r->failing) log_info("revocations are read again");
    if (whole) {
        r->known = true;
        r->failing = false;
        tell_numbers(r);
    }
    bool at_once = (ok && more) || r->again || reply->error == CLIENT_TIMEOUT;
    r->again = false;
    ask_in(r, at_once ? 0 : POLL_MS);
}

static void on_timer(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct revocations *r = arg;
    struct arena a;
    arena_init(&a);
    struct client_request request = {
        .method = METHOD_GET,
        .timeout_ms = r->known && !r->failing ? TIMEOUT_MS : LONG_TIMEOUT_MS,
        .reply_max = PAGE_MAX,
        .idempotent = true,
        .target = *r->cursor ? arena_printf(&a, "%.*s?after=%s", STR_ARG(r->path), r->cursor) : r->path,
    };
    r->exchange = client_send(r->origin, &request, on_reply, r);
    arena_done(&a);
}

void revocations_hurry(void *revocations)
{
    struct revocations *r = revocations;
    if (r->exchange) r->again = true;
    else ask_in(r, 0);
}

/* --- life ------------------------------------------------------------------------------------------------------------- */

struct revocations *revocations_new(struct worker *w, struct str url)
{
    const char *host = memmem(url.p, url.len, "://", 3), *end = url.p + url.len;
    const char *path = host ? memchr(host + 3, '/', (size_t)(end - host - 3)) : NULL;
    if (!path) return NULL;
    struct origin *origin = client_origin(w->client, (struct str){ url.p, (size_t)(path - url.p) });
    if (!origin) return NULL;
    struct revocations *r = calloc(1, sizeof *r);
    if (!r) abort();
    *r = (struct revocations){ .worker = w, .origin = origin };
    r->path = (struct str){ strndup(path, (size_t)(end - path)), (size_t)(end - path) };
    r->timer = event_new(w->base, -1, 0, on_timer, r);
    ask_in(r, 0);
    return r;
}

void revocations_free(struct revocations *r)
{
    if (r->exchange) client_abort(r->exchange);
    event_free(r->timer);
    revocation_set_done(&r->set);
    free((char *)r->path.p);
    free(r);
}

bool revocations_known(const struct revocations *r)
{
    return r->known;
}

bool revocations_concern(const struct revocations *r, const struct principal *who)
{
    return revocation_set_has(&r->set, who->session_id, REVOCATION_ALL - 1) || revocation_set_has(&r->set, who->user_id, who->generation);
}
