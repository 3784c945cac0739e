#include "courier.h"

#include "app/client_token.h"
#include "app/peers.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "http/client.h"
#include "http/worker.h"

#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EVERY_MS = 300, PAUSE_MS = 1000, ASK_MS = 10000, FILE_MAX = 8 * 1024 * 1024, REPLY_MAX = 64 * 1024 };

struct courier {
    struct origin *origin;
    struct client_token *token;
    struct exchange *exchange;
    struct event *timer;
    const char *folder;
    char name[PATH_MAX];
    struct buf body;
    bool is_failing, is_over;
};

static uint64_t waiting, carried; /* files; relaxed atomics */

static void again_in(struct courier *c, int ms)
{
    struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
    event_add(c->timer, &wait);
}

/* --- the oldest file -------------------------------------------------------------------------------------------------------- */

/* Names are UUIDv7: their order is that of time. */
static bool find_oldest(struct courier *c)
{
    char best[NAME_MAX + 1] = "";
    uint64_t count = 0;
    DIR *d = opendir(c->folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n < 6 || strcmp(e->d_name + n - 5, ".full")) continue;
        count++;
        if (!*best || strcmp(e->d_name, best) < 0) memcpy(best, e->d_name, n + 1);
    }
    if (d) closedir(d);
    __atomic_store_n(&waiting, count, __ATOMIC_RELAXED);
    snprintf(c->name, sizeof c->name, "%s/%s", c->folder, best);
    return *best;
}

/* Its lines, in `body` behind what an array of them begins with. A last one without its newline was never whole, and nobody was answered
 * for it. Absent: the file cannot be read. */
static struct str file_read(struct courier *c)
{
    int fd = open(c->name, O_RDONLY | O_CLOEXEC);
    buf_clear(&c->body);
    buf_addz(&c->body, "{\"records\":[");
    char *to = fd < 0 ? NULL : buf_reserve(&c->body, FILE_MAX);
    ssize_t n = to ? read(fd, to, FILE_MAX) : -1;
    if (fd >= 0) close(fd);
    if (n < 0) return STR_NONE;
    while (n && to[n - 1] != '\n') n--;
    buf_grown(&c->body, (size_t)n);
    return (struct str){ to, (size_t)n };
}

static bool read_records(struct courier *c)
{
    struct str lines = file_read(c);
    if (str_is_none(lines)) return false;
    char *text = c->body.data + (c->body.len - lines.len);
    for (char *end; lines.len && (end = memchr(text, '\n', (size_t)(c->body.data + c->body.len - text))); text = end + 1) *end = ',';
    if (lines.len) text[-1] = ' ';
    buf_addz(&c->body, "]}");
    return true;
}

/* --- carrying ------------------------------------------------------------------------------------------------------------------ */

static void fail(struct courier *c, const char *why, int status)
{
    if (!c->is_failing) log_warn("records are not carried", LOG_Z("why", why), LOG_INT("status", status));
    c->is_failing = true;
    again_in(c, PAUSE_MS);
}

/* --- what is refused ---------------------------------------------------------------------------------------------------------- */

/* Where a line in the middle ends, or their length: they are one line. */
static size_t middle_of(const char *lines, size_t len)
{
    size_t at = len / 2;
    while (at && lines[at - 1] != '\n') at--;
    if (at) return at;
    const char *end = memchr(lines, '\n', len);
    return end ? (size_t)(end + 1 - lines) : len;
}

static bool write_half(const char *name, const char *lines, size_t len)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, lines, len) == (ssize_t)len && fdatasync(fd) == 0;
    if (fd >= 0) close(fd);
    return ok;
}

static bool names_are_kept(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    return ok;
}

/* Their names stand where the whole one's did. A kill in between leaves records in two files: each is stored once (its id). */
static bool split(const struct courier *c, struct str lines, size_t middle)
{
    char half[2][PATH_MAX + 16];
    for (int i = 0; i < 2; i++) snprintf(half[i], sizeof half[i], "%.*s-%d.full", (int)(strlen(c->name) - 5), c->name, i);
    if (!write_half(half[1], lines.p + middle, lines.len - middle) || !write_half(half[0], lines.p, middle)) return false;
    return names_are_kept(c->folder) && !unlink(c->name);
}

static void put_aside(struct courier *c, int status)
{
    char bad[PATH_MAX + 8];
    snprintf(bad, sizeof bad, "%s.bad", c->name);
    log_error("a record is refused and put aside", LOG_Z("file", bad), LOG_INT("status", status));
    rename(c->name, bad);
    again_in(c, 0);
}

/* One record that is no good keeps nobody else's from being stored: its file is halved until it stands alone. */
static void refused(struct courier *c, int status)
{
    struct str lines = file_read(c);
    if (str_is_none(lines)) return fail(c, "a file cannot be read", 0);
    size_t middle = middle_of(lines.p, lines.len);
    if (middle == lines.len) put_aside(c, status);
    else if (split(c, lines, middle)) again_in(c, 0);
    else fail(c, "a file cannot be halved", status);
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct courier *c = arg;
    c->exchange = NULL;
    bool is_answer = reply->error == CLIENT_OK;
    if (is_answer && (reply->status == 400 || reply->status == 413 || reply->status == 422)) return refused(c, reply->status);
    if (is_answer && reply->status == 401) client_token_drop(c->token);
    if (!is_answer || reply->status != 200) return fail(c, "no good answer", reply->status);
    if (c->is_failing) log_info("records are carried again");
    c->is_failing = false;
    unlink(c->name);
    __atomic_store_n(&carried, carried + 1, __ATOMIC_RELAXED);
    again_in(c, 0);
}

static void on_token(void *arg, struct str token)
{
    struct courier *c = arg;
    struct arena a;
    if (str_is_none(token)) return fail(c, "no token", 0);
    arena_init(&a);
    const struct header headers[] = { { STR("Authorization"), arena_printf(&a, "Bearer %.*s", STR_ARG(token)) },
                                      { STR("Content-Type"), STR("application/json") } };
    struct client_request request = {
        .method = METHOD_POST, .target = STR("/internal/v1/audit-records"), .headers = headers, .header_count = 2,
        .body = buf_str(&c->body), .timeout_ms = ASK_MS, .reply_max = REPLY_MAX, .idempotent = true,
    };
    c->exchange = client_send(c->origin, &request, on_reply, c);
    arena_done(&a);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct courier *c = arg;
    (void)fd, (void)what;
    if (!find_oldest(c)) again_in(c, EVERY_MS);
    else if (!read_records(c)) fail(c, "a file cannot be read", 0);
    else client_token_get(c->token, on_token, c);
}

struct courier *courier_new(struct worker *w, const char *folder, const struct peers *p)
{
    struct courier *c = calloc(1, sizeof *c);
    if (!c) abort();
    *c = (struct courier){ .folder = folder, .origin = client_origin(w->client, str_of(p->auth_url)) };
    c->token = client_token_new(w, p, "auth-service");
    c->timer = event_new(w->base, -1, 0, on_timer, c);
    if (!c->origin || !c->timer) abort();
    buf_init(&c->body, FILE_MAX + 4096);
    again_in(c, EVERY_MS);
    return c;
}

void courier_stop(struct courier *c)
{
    if (!c || c->is_over) return;
    c->is_over = true;
    if (c->exchange) client_abort(c->exchange);
    client_token_free(c->token);
    event_free(c->timer);
}

void courier_free(struct courier *c)
{
    if (!c) return;
    courier_stop(c);
    buf_done(&c->body);
    free(c);
}

void courier_print(struct buf *out)
{
    buf_addf(out,
             "# HELP audit_files_waiting Files of records that auth-service does not have yet.\n# TYPE audit_files_waiting gauge\n"
             "audit_files_waiting %llu\n# HELP audit_files_carried_total Files that it has got.\n"
             "# TYPE audit_files_carried_total counter\naudit_files_carried_total %llu\n",
             (unsigned long long)__atomic_load_n(&waiting, __ATOMIC_RELAXED),
             (unsigned long long)__atomic_load_n(&carried, __ATOMIC_RELAXED));
}
