/* work: a thread beside an event loop, for what would block it (password hashing, connecting to PostgreSQL).
 *
 * Jobs run one after the other on the thread; their results come back on the loop. One per worker. Where CPUs are short the thread
 * stands back (nice 10): fifty logins a second do not keep anybody's reads waiting. */
#ifndef IO_WORK_H
#define IO_WORK_H

#include <stddef.h>

struct event_base;
struct work;

struct work *work_new(struct event_base *base);
void work_free(struct work *w); /* waits for the job under way; jobs not begun and results not delivered are dropped */

/* `run(arg)` on the thread, then `done(arg)` on the loop. `arg` belongs to the job until `done`. */
size_t work_waiting(const struct work *w); /* jobs not delivered yet; for the loop's thread */
void work_submit(struct work *w, void (*run)(void *), void (*done)(void *), void *arg);

#endif
