#include "command.h"

#include "io/work.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum { WAIT_S = 10, POLL_MS = 10 };

struct command {
    struct event_base *base;
    struct pg *pg;
    struct event *poll;
    struct pg_segment segment;
    const struct pg_stmt *stmt;
    const char *const *values;
    int count;
    int polls;
    bool sent;
};

static void on_done(struct pg_segment *s, void *arg)
{
    (void)s;
    struct command *c = arg;
    event_base_loopbreak(c->base);
}

static void on_poll(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct command *c = arg;
    if (c->sent) return;
    if (++c->polls > WAIT_S * 1000 / POLL_MS) event_base_loopbreak(c->base);
    if (!pg_ready(c->pg)) return;
    c->sent = true;
    pg_add(&c->segment, c->stmt, c->values, c->count);
    pg_submit(c->pg, &c->segment);
}

static int outcome(const struct command *c, const char *name, const char *exists)
{
    if (c->sent && c->segment.error == E_OK) return EXIT_SUCCESS;
    const char *why = !c->sent ? "the database does not answer" : strcmp(c->segment.sqlstate, "23505") ? "the database refused" : exists;
    fprintf(stderr, "%s: %s\n", name, why);
    return EXIT_FAILURE;
}

int command_run(const char *name, const char *url, const struct pg_stmt *stmt, const char *const *values, int count, const char *exists)
{
    static const struct timeval poll = { 0, POLL_MS * 1000 };
    const struct pg_stmt *const statements[] = { stmt, NULL };
    struct command c = { .stmt = stmt, .values = values, .count = count };
    struct pg_config config = { .url = url, .timezone = "UTC", .application = name, .connections = { 1, 0 },
                                .statement_timeout_ms = 5000, .statements = statements };
    c.base = event_base_new();
    struct work *work = work_new(c.base);
    c.pg = pg_new(c.base, work, &config);
    c.poll = event_new(c.base, -1, EV_PERSIST, on_poll, &c);
    event_add(c.poll, &poll);
    pg_segment_init(&c.segment, PG_FAST, on_done, &c);
    event_base_dispatch(c.base);
    int status = outcome(&c, name, exists);
    pg_segment_done(&c.segment);
    event_free(c.poll);
    work_free(work);
    pg_free(c.pg);
    event_base_free(c.base);
    return status;
}
