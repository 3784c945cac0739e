#include "audit.h"

#include "courier.h"
#include "spool.h"

#include "app/outgoing.h"
#include "auth/principal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "http/server.h"
#include "http/worker.h"
#include "json/json_read.h"
#include "json/json_write.h"

#include <event2/event.h>
#include <stdlib.h>

enum { RECORD_MAX = 128 * 1024, TEXT_MAX = 300, LONG_MAX_KEPT = 2000, HOLD_MAX_US = 2000000, LOOK_MS = 500 };

#define AT(member) offsetof(struct audit_settings, member)
const struct opt audit_opts[] = {
    { "AUDIT_FOLDER", O_STR, AT(folder), NULL, 0, 1, 0,
      "folder on a disk that lasts, of this process alone, for records that auth-service does not have yet; default: nothing is recorded" },
    { "AUTH_SERVICE_URL", O_STR, AT(store.auth_url), NULL, 0, 1, 0, "base URL of auth-service, which keeps them" },
    { "SERVICE_CLIENT_ID", O_STR, AT(store.client_id), NULL, 0, 1, 0,
      "as which client of auth-service (auth-service create-client); needs the permission audit:write" },
    { "SERVICE_CLIENT_SECRET", O_STR, AT(store.client_secret), NULL, O_SECRET, 1, 0, "its secret" },
    { 0 },
};

bool audit_check(const struct audit_settings *s, const struct outgoing *o, struct buf *faults)
{
    bool ok = peers_check(&s->store, o, faults);
    if (!s->folder || (s->store.auth_url && s->store.client_id)) return ok;
    buf_addz(faults, "AUDIT_FOLDER needs AUTH_SERVICE_URL and SERVICE_CLIENT_ID\n");
    return false;
}

/* --- a record ----------------------------------------------------------------------------------------------------------- */

/* Whatever a client sends is a record that can be kept: texts are cut, and what PostgreSQL has no text for is said to be none. */
static void add_cut(struct jw *w, struct str name, struct str value, size_t max)
{
    if (str_is_none(value)) return;
    bool is_text = utf8_valid(value) && !memchr(value.p, 0, value.len);
    if (is_text && value.len > max) value = str_sub(value, 0, utf8_valid_len(str_sub(value, 0, max)));
    jw_name(w, name);
    jw_str(w, is_text ? value : STR("(no text)"));
}

static void add_text(struct jw *w, struct str name, struct str value)
{
    add_cut(w, name, value, TEXT_MAX);
}

/* What the request says of itself: whom a login is for, why something is done. */
static struct str said(struct req *r, struct str name)
{
    struct problem p = { 0 };
    if (!r->body.len || server_body_follows(r)) return STR_NONE;
    const struct json *body = json_read(&r->arena, arena_dup(&r->arena, r->body), &p);
    const struct json *text = body && json_kind(body) == JSON_OBJECT ? json_get(body, name) : NULL;
    return text && json_kind(text) == JSON_STRING ? json_text(text) : STR_NONE;
}

/* The one that the path names, or the one that was made. */
static struct str resource_of(const struct req *r)
{
    if (r->params[0].len) return r->params[0];
    for (size_t i = 0; i < r->reply_header_count; i++) {
        struct str value = r->reply_headers[i].value;
        if (!str_ieq(r->reply_headers[i].name, STR("Location")) || value.len < UUID_LEN) continue;
        struct str id = str_sub(value, value.len - UUID_LEN, value.len);
        if (uuid_valid(id)) return id;
    }
    return STR_NONE;
}

static void add_time(struct jw *w)
{
    char time[CLOCK_TEXT];
    add_text(w, STR("time"), clock_now_text(time));
}

static struct str account_of(struct req *r)
{
    return r->route && r->route->rate == RATE_LOGIN ? said(r, STR("username")) : STR_NONE;
}

static void write_record(struct jw *w, struct req *r)
{
    jw_object(w);
    add_text(w, STR("log_id"), str_of(r->request_id));
    add_time(w);
    if (r->who) {
        add_text(w, STR("user_id"), r->who->user_id);
        add_text(w, STR("username"), r->who->username);
        add_text(w, STR("session_id"), r->who->session_id);
    } else add_text(w, STR("username"), account_of(r));
    add_text(w, STR("address"), r->peer);
    add_text(w, STR("user_agent"), req_header(r, STR("User-Agent")));
    add_text(w, STR("client_request_id"), r->client_request_id);
    add_text(w, STR("method"), method_names[r->method]);
    add_text(w, STR("operation"), r->route->operation);
    add_cut(w, STR("path"), r->path, LONG_MAX_KEPT);
    add_text(w, STR("resource_id"), resource_of(r));
    jw_name(w, STR("status"));
    jw_int(w, r->status);
    if (r->problem.code) add_text(w, STR("error"), str_of(err_table[r->problem.code].slug));
    if (r->status == 200 && r->method != METHOD_GET) add_cut(w, STR("reason"), said(r, STR("reason")), LONG_MAX_KEPT);
    if (r->changes.len) jw_name(w, STR("changes")), jw_raw(w, r->changes);
    jw_name(w, STR("latency_us"));
    jw_int(w, (int64_t)(clock_us() - r->start_us));
    jw_object_end(w);
}

/* --- answers that wait ------------------------------------------------------------------------------------------------------ */

struct held {
    struct held *next;
    struct req *r;
    uint64_t line, since_us;
};

struct audit {
    struct spool_user *spool;
    struct courier *courier; /* on the first worker */
    struct event *look;
    struct held *first, **end;
    struct buf record;
};

static uint64_t records, released; /* relaxed atomics; released: answered without a record on the disk */

static void on_written(void *arg)
{
    struct audit *a = arg;
    uint64_t durable = spool_durable(), now = clock_us();
    while (a->first && (a->first->line <= durable || now - a->first->since_us > HOLD_MAX_US)) {
        struct held *h = a->first;
        struct req *r = h->r;
        a->first = h->next;
        if (!a->first) a->end = &a->first;
        if (h->line > durable) {
            log_error("answered without a record on the disk", LOG_Z("request_id", r->request_id));
            __atomic_add_fetch(&released, 1, __ATOMIC_RELAXED);
        }
        server_reply_now(r);
        req_release(r);
    }
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    on_written(arg);
}

static bool is_denied(const struct req *r)
{
    return r->status == 401 || r->status == 403;
}

static bool is_recorded(const struct req *r)
{
    return r->route && (r->route->audited || r->route->rate == RATE_LOGIN || is_denied(r));
}

bool audit_admits(struct req *r, const struct audit *a)
{
    if (!a || !spool_is_broken() || !(r->route->audited || r->route->rate == RATE_LOGIN)) return true;
    r->problem.retry_after_s = 1;
    problem_set(&r->problem, E_SERVICE_DOWN);
    return false;
}

bool audit_hold(struct req *r, struct audit *a)
{
    if (!a || !is_recorded(r)) return false;
    struct held *h = arena_new(&r->arena, struct held);
    buf_clear(&a->record);
    struct jw w = jw_to(&a->record);
    write_record(&w, r);
    buf_addc(&a->record, '\n');
    *h = (struct held){ .r = r, .since_us = clock_us(), .line = spool_add(a->spool, buf_str(&a->record)) };
    *a->end = h;
    a->end = &h->next;
    req_hold(r);
    __atomic_add_fetch(&records, 1, __ATOMIC_RELAXED);
    return true;
}

/* --- what is not usual ---------------------------------------------------------------------------------------------------- */

static void tell(struct req *r, struct audit *a, const struct watch_settings *s, const struct watch_alert *alert)
{
    char id[UUID_LEN + 1];
    log_warn("not usual", LOG_Z("rule", alert->rule), LOG_STR("key", alert->key), LOG_INT("count", alert->count),
             LOG_Z("request_id", r->request_id));
    if (!a) return;
    uuid_v7(id);
    buf_clear(&a->record);
    struct jw w = jw_to(&a->record);
    jw_object(&w);
    add_text(&w, STR("alert_id"), str_of(id));
    add_time(&w);
    add_text(&w, STR("rule"), str_of(alert->rule));
    add_text(&w, STR("subject_kind"), str_of(alert->kind));
    add_text(&w, STR("subject"), alert->key);
    add_text(&w, STR("address"), r->peer);
    add_text(&w, STR("request_id"), str_of(r->request_id));
    const struct { struct str name; int64_t value; } numbers[] = {
        { STR("hits"), alert->count }, { STR("window_s"), s->window_s }, { STR("block_s"), s->block_s },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) jw_name(&w, numbers[i].name), jw_int(&w, numbers[i].value);
    jw_object_end(&w);
    buf_addc(&a->record, '\n');
    spool_add(a->spool, buf_str(&a->record));
}

void audit_watch(struct req *r, struct audit *a, const struct watch_settings *s)
{
    struct watch_alert found[WATCH_RULES];
    if (!r->route) return;
    size_t n = watch_see(r, s, account_of(r), found);
    for (size_t i = 0; i < n; i++) tell(r, a, s, &found[i]);
}

/* --- life ------------------------------------------------------------------------------------------------------------------- */

struct audit *audit_new(struct worker *w, const struct audit_settings *s)
{
    static const struct timeval every = { 0, LOOK_MS * 1000 };
    if (!s->folder) return NULL;
    struct audit *a = calloc(1, sizeof *a);
    if (!a) abort();
    a->end = &a->first;
    a->spool = spool_join(w, on_written, a);
    if (w->index == 0) a->courier = courier_new(w, s->folder, &s->store);
    buf_init(&a->record, RECORD_MAX);
    a->look = event_new(w->base, -1, EV_PERSIST, on_look, a);
    event_add(a->look, &every);
    return a;
}

void audit_stop(struct audit *a)
{
    if (a) courier_stop(a->courier);
}

void audit_free(struct audit *a)
{
    if (!a) return;
    spool_leave(a->spool);
    courier_free(a->courier);
    event_free(a->look);
    for (struct held *h = a->first, *next; h; h = next) {
        next = h->next; /* it lies in the request's arena */
        req_release(h->r);
    }
    buf_done(&a->record);
    free(a);
}

void audit_print(struct buf *out)
{
    buf_addf(out,
             "# HELP audit_records_total Records made.\n# TYPE audit_records_total counter\naudit_records_total %llu\n"
             "# HELP audit_unsafe_total Requests answered before their record was on the disk, as that refused.\n"
             "# TYPE audit_unsafe_total counter\naudit_unsafe_total %llu\n",
             (unsigned long long)__atomic_load_n(&records, __ATOMIC_RELAXED),
             (unsigned long long)__atomic_load_n(&released, __ATOMIC_RELAXED));
    courier_print(out);
}
