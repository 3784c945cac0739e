/* The first administrator, made by a command so that no default password ever exists. */
#include "auth.h"
#include "password.h"

#include "base/uuid.h"
#include "base/utf8.h"
#include "io/work.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum { WAIT_S = 10, POLL_MS = 10 };

static const struct pg_stmt stmt_admin_add = {
    "admin_add",
    "INSERT INTO users (user_id, username, password_hash, name, roles) VALUES ($1::uuid, $2, $3, '管理员', '[\"ADMIN\", \"SALES_MANAGER\"]')"
};
static const struct pg_stmt *const statements[] = { &stmt_admin_add, NULL };

struct command {
    struct event_base *base;
    struct pg *pg;
    struct event *poll;
    struct pg_segment segment;
    const char *values[3];
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
    pg_add(&c->segment, &stmt_admin_add, c->values, 3);
    pg_submit(c->pg, &c->segment);
}

static int outcome(const struct command *c)
{
    if (!c->sent) return fprintf(stderr, "create-admin: the database does not answer\n"), EXIT_FAILURE;
    if (c->segment.error == E_OK) return EXIT_SUCCESS;
    bool exists = !strcmp(c->segment.sqlstate, "23505") || !strcmp(c->segment.sqlstate, "CR003");
    fprintf(stderr, "create-admin: %s\n", exists ? "a user of this name exists" : "the database refused");
    return EXIT_FAILURE;
}

static int run(struct command *c, const char *url)
{
    static const struct timeval poll = { 0, POLL_MS * 1000 };
    struct pg_config config = { .url = url, .timezone = "UTC", .application = "create-admin", .connections = { 1, 0 },
                                .statement_timeout_ms = 5000, .statements = statements };
    c->base = event_base_new();
    struct work *work = work_new(c->base);
    c->pg = pg_new(c->base, work, &config);
    c->poll = event_new(c->base, -1, EV_PERSIST, on_poll, c);
    event_add(c->poll, &poll);
    pg_segment_init(&c->segment, PG_FAST, on_done, c);
    event_base_dispatch(c->base);
    int status = outcome(c);
    pg_segment_done(&c->segment);
    event_free(c->poll);
    work_free(work);
    pg_free(c->pg);
    event_base_free(c->base);
    return status;
}

int admin_create(int argc, char **argv)
{
    const char *password = getenv("ADMIN_PASSWORD"), *url = getenv("DATABASE_URL");
    if (argc != 4 || strcmp(argv[2], "--username") || !*argv[3] || !password || !url) {
        fprintf(stderr, "usage: DATABASE_URL=... ADMIN_PASSWORD=... auth-service create-admin --username NAME\n");
        return EXIT_FAILURE;
    }
    size_t length = utf8_valid(str_of(password)) ? utf8_count(str_of(password)) : 0;
    if (length < PASSWORD_MIN || length > PASSWORD_MAX) {
        fprintf(stderr, "create-admin: the password must have %d to %d characters\n", PASSWORD_MIN, PASSWORD_MAX);
        return EXIT_FAILURE;
    }
    struct arena a;
    arena_init(&a);
    char id[UUID_LEN + 1];
    uuid_v7(id);
    struct command c = { .values = { id, argv[3], arena_cstr(&a, password_hash(&a, str_of(password))) } };
    int status = run(&c, url);
    arena_done(&a);
    return status;
}
