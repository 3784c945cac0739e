/* The rules that administrators make, as auth-service tells them (services/auth-service/ip_rules.c): all of them when anything has changed,
 * else that nothing has. What is known stays when nobody answers. */
#include "addresses.h"

#include "base/log.h"
#include "http/client.h"
#include "http/worker.h"
#include "json/json_read.h"

#include <event2/event.h>
#include <stdlib.h>

enum { POLL_MS = 1000, TIMEOUT_MS = 5000, REPLY_MAX = 16 * 1024 * 1024, VERSION_MAX = 80 };

struct address_rules {
    struct worker *worker;
    struct origin *origin;
    struct str path;
    char version[VERSION_MAX]; /* of what is known; "": nothing yet */
    struct address_book book;
    struct event *timer;
    struct exchange *exchange; /* NULL: nothing is asked */
    bool known, failing;
};

/* --- an answer -------------------------------------------------------------------------------------------------------- */

static int list_named(struct str name)
{
    static const char *const names[ADDRESS_LISTS] = {
        [ADDRESSES_OF_ALL] = "ALL",
        [ADDRESSES_OF_CLASS + RATE_READ] = "READ",
        [ADDRESSES_OF_CLASS + RATE_WRITE] = "WRITE",
        [ADDRESSES_OF_CLASS + RATE_LOGIN] = "LOGIN",
        [ADDRESSES_OF_CLASS + RATE_REPORT] = "REPORT",
    };
    int i = 0;
    while (i < ADDRESS_LISTS && !str_is(name, names[i])) i++;
    return i;
}

/* "DENY LOGIN 10.0.0.0/8" */
static bool take_rule(struct address_book *b, struct str line)
{
    struct str action = str_cut(&line, ' '), list = str_cut(&line, ' '), bad;
    int to = list_named(list);
    bool denies = str_is(action, "DENY");
    if (to == ADDRESS_LISTS || (!denies && !str_is(action, "ALLOW"))) return false;
    return !address_book_add(b, to, denies ? ADDRESS_DENIED : ADDRESS_ALLOWED, line, &bad);
}

static bool take_rules(struct address_rules *r, struct str rules)
{
    struct address_book book = { 0 };
    while (rules.len) {
        if (take_rule(&book, str_cut(&rules, '\n'))) continue;
        address_book_done(&book);
        return false;
    }
    address_book_done(&r->book);
    r->book = book;
    return true;
}

/* {"version": "7.0", "rules": "DENY LOGIN 10.0.0.0/8\n..."}; rules are null when they are what they were. */
static bool take(struct address_rules *r, struct arena *a, struct str body)
{
    struct problem p = { 0 };
    const struct json *page = json_read(a, body, &p);
    const struct json *version = page ? json_get(page, STR("version")) : NULL, *rules = page ? json_get(page, STR("rules")) : NULL;
    if (!version || json_kind(version) != JSON_STRING || json_text(version).len >= VERSION_MAX || !rules) return false;
    if (json_kind(rules) == JSON_NULL) return r->known;
    if (json_kind(rules) != JSON_STRING || !take_rules(r, json_text(rules))) return false;
    memcpy(r->version, json_text(version).p, json_text(version).len);
    r->version[json_text(version).len] = '\0';
    return true;
}

/* --- asking ----------------------------------------------------------------------------------------------------------- */

static void ask_in(struct address_rules *r, int ms)
{
    struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
    event_add(r->timer, &wait);
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct address_rules *r = arg;
    struct arena a;
    arena_init(&a);
    r->exchange = NULL;
    bool ok = reply->error == CLIENT_OK && reply->status == 200 && take(r, &a, reply->body);
    arena_done(&a);
    if (!ok && !r->failing) log_warn("rules for addresses not read", LOG_INT("status", reply->status));
    if (ok && r->failing) log_info("rules for addresses are read again");
    r->failing = !ok;
    r->known |= ok;
    ask_in(r, POLL_MS);
}

static void on_timer(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct address_rules *r = arg;
    struct arena a;
    arena_init(&a);
    struct client_request request = {
        .method = METHOD_GET, .timeout_ms = TIMEOUT_MS, .reply_max = REPLY_MAX, .idempotent = true,
        .target = arena_printf(&a, "%.*s?version=%s", STR_ARG(r->path), r->version),
    };
    r->exchange = client_send(r->origin, &request, on_reply, r);
    arena_done(&a);
}

/* --- life ------------------------------------------------------------------------------------------------------------- */

struct address_rules *address_rules_new(struct worker *w, const char *url)
{
    if (!url) return NULL;
    struct address_rules *r = calloc(1, sizeof *r);
    const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    if (!r || !path) abort(); /* it was checked */
    *r = (struct address_rules){ .worker = w, .path = str_of(path) };
    r->origin = client_origin(w->client, (struct str){ url, (size_t)(path - url) });
    r->timer = event_new(w->base, -1, 0, on_timer, r);
    if (!r->origin || !r->timer) abort();
    ask_in(r, 0);
    return r;
}

void address_rules_free(struct address_rules *r)
{
    if (!r) return;
    if (r->exchange) client_abort(r->exchange);
    event_free(r->timer);
    address_book_done(&r->book);
    free(r);
}

bool address_rules_are_known(const struct address_rules *r)
{
    return r->known;
}

const struct address_book *address_rules_book(const struct address_rules *r)
{
    return &r->book;
}
