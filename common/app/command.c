#include "app/command.h"

#include "io/work.h"

#include <event2/event.h>
#include <stdio.h>

enum { POLL_MS = 10 };

struct run {
    struct command *command;
    struct event_base *base;
    struct pg *pg;
    struct event *poll;
    struct pg_segment segment;
    int polls;
    bool sent;
};

static void on_done(struct pg_segment *s, void *arg)
{
    (void)s;
    struct run *run = arg;
    event_base_loopbreak(run->base);
}

static void on_poll(int fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct run *run = arg;
    const struct command *c = run->command;
    if (run->sent) return;
    if (++run->polls > COMMAND_WAIT_S * 1000 / POLL_MS) event_base_loopbreak(run->base);
    if (!pg_ready(run->pg)) return;
    run->sent = true;
    pg_add(&run->segment, c->stmt, c->values, c->count);
    pg_submit(run->pg, &run->segment);
}

static bool outcome(const struct run *run)
{
    struct command *c = run->command;
    if (!run->sent) return fprintf(stderr, "%s: the database does not answer\n", c->name), false;
    memcpy(c->sqlstate, run->segment.sqlstate, sizeof c->sqlstate);
    if (run->segment.error != E_OK) {
        if (!*c->sqlstate) fprintf(stderr, "%s: the database refused\n", c->name);
        return false;
    }
    struct str value = pg_rows(&run->segment, 0) ? pg_value(&run->segment, 0, 0, 0) : STR_NONE;
    if (value.len && value.len < sizeof c->value) memcpy(c->value, value.p, value.len);
    return true;
}

bool command_run(struct command *c)
{
    static const struct timeval poll = { 0, POLL_MS * 1000 };
    const struct pg_stmt *const statements[] = { c->stmt, NULL };
    struct pg_config config = { .url = c->url, .timezone = "UTC", .application = c->name, .connections = { 1, 0 },
                                .statement_timeout_ms = c->timeout_ms ? c->timeout_ms : 5000, .statements = statements };
    struct run run = { .command = c, .base = event_base_new() };
    struct work *work = work_new(run.base);
    run.pg = pg_new(run.base, work, &config);
    run.poll = event_new(run.base, -1, EV_PERSIST, on_poll, &run);
    event_add(run.poll, &poll);
    pg_segment_init(&run.segment, PG_FAST, on_done, &run);
    event_base_dispatch(run.base);
    bool ok = outcome(&run);
    pg_segment_done(&run.segment);
    event_free(run.poll);
    work_free(work);
    pg_free(run.pg);
    event_base_free(run.base);
    return ok;
}
