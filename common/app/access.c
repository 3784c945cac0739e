#include "app/access.h"

#include "app/app.h"
#include "app/metrics.h"
#include "app/settings.h"
#include "auth/principal.h"
#include "base/clock.h"
#include "http/req.h"
#include "json/json_write.h"

#include <stdlib.h>
#include <unistd.h>

enum { BUFFER_MAX = 256 * 1024, FLUSH_AT = 64 * 1024 };

void access_start(struct worker *w)
{
    w->access = calloc(1, sizeof(struct buf));
    if (!w->access) abort();
    buf_init(w->access, BUFFER_MAX);
    w->on_replied = access_log;
}

void access_flush(struct worker *w)
{
    struct buf *b = w->access;
    size_t sent = 0;
    while (sent < b->len) {
        ssize_t n = write(STDERR_FILENO, b->data + sent, b->len - sent);
        if (n <= 0) break; /* nowhere to complain to */
        sent += (size_t)n;
    }
    buf_clear(b);
}

void access_stop(struct worker *w)
{
    access_flush(w);
    buf_done(w->access);
    free(w->access);
    w->access = NULL;
}

/* Nothing here needs escaping: our own words, UUIDs, addresses, and a client's id of letters, digits and few marks. */
static void add_text(struct jw *w, struct str key, struct str value)
{
    if (str_is_none(value)) return;
    jw_name(w, key);
    jw_plain(w, value);
}

static void add_number(struct jw *w, struct str key, int64_t value)
{
    jw_name(w, key);
    jw_int(w, value);
}

void access_log(struct req *r)
{
    struct worker *wk = r->worker;
    uint64_t took_us = clock_us() - r->start_us;
    metrics_count(wk, r->route, took_us, r);
    const struct app_settings *settings = settings_of(wk);
    if (!settings->access_log) return;
    char now[CLOCK_TEXT];
    struct jw w = jw_to(wk->access);
    jw_object(&w);
    add_text(&w, STR("time"), clock_now_text(now));
    add_text(&w, STR("level"), STR("access"));
    add_text(&w, STR("service"), str_of(wk->app->name));
    add_text(&w, STR("request_id"), str_of(r->request_id));
    add_text(&w, STR("client_request_id"), r->client_request_id);
    add_text(&w, STR("method"), method_names[r->method]);
    add_text(&w, STR("route"), r->route ? r->route->path : STR_NONE);
    add_text(&w, STR("peer"), r->peer);
    add_text(&w, STR("user"), r->who ? r->who->user_id : STR_NONE);
    add_number(&w, STR("status"), r->status);
    if (r->problem.code) add_text(&w, STR("error"), str_of(err_table[r->problem.code].slug));
    if (r->refused) add_text(&w, STR("refused"), str_of(r->refused));
    add_number(&w, STR("bytes"), (int64_t)r->reply_bytes);
    add_number(&w, STR("us"), (int64_t)took_us);
    if (r->db_us) add_number(&w, STR("db_us"), (int64_t)r->db_us);
    jw_object_end(&w);
    buf_addc(wk->access, '\n');
    if (wk->access->len >= FLUSH_AT) access_flush(wk);
}
