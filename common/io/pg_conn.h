/* pg_conn: one connection of the pool. Inside io/pg only. */
#ifndef IO_PG_CONN_H
#define IO_PG_CONN_H

#include "io/pg.h"

struct pg_queue {
    struct pg_segment *first, **end;
    size_t length;
};

void pg_queue_init(struct pg_queue *q);
void pg_queue_push(struct pg_queue *q, struct pg_segment *s);
struct pg_segment *pg_queue_pop(struct pg_queue *q);

struct pg_conn;

struct pg {
    struct event_base *base;
    struct work *work;
    struct pg_config config;
    struct pg_conn **conns;
    int count;
    struct event *tick;    /* deadlines */
    struct event *deliver; /* segments that failed before they were sent */
    struct pg_queue failed;
    size_t in_flight;
    bool closing;
};

struct pg_conn *pg_conn_new(struct pg *pool, enum pg_lane lane, bool listens);
void pg_conn_free(struct pg_conn *c);
bool pg_conn_is_ready(const struct pg_conn *c);
bool pg_conn_listens(const struct pg_conn *c); /* ready, and it is the one that listens */
enum pg_lane pg_conn_lane(const struct pg_conn *c);
size_t pg_conn_load(const struct pg_conn *c); /* segments waiting or sent */
void pg_conn_submit(struct pg_conn *c, struct pg_segment *s);
void pg_conn_check_deadline(struct pg_conn *c, uint64_t now_us);

/* Called by a connection. */
void pg_finish(struct pg *p, struct pg_segment *s, enum err_code error); /* delivers */
void pg_fail_later(struct pg *p, struct pg_segment *s, enum err_code error);

/* Answers the caller of a segment that was sent with E_DATABASE_TIMEOUT. The ghost that comes back takes its place in the
 * queue and waits for what the server still says of it. */
struct pg_segment *pg_expire(struct pg *p, struct pg_segment *s);
bool pg_is_ghost(const struct pg_segment *s);

#endif
