/* work: a thread beside an event loop, for what would block it (password hashing, connecting to PostgreSQL).
 *
 * Jobs run one after the other on the thread; their results come back on the loop. */
#ifndef IO_WORK_H
#define IO_WORK_H

#include <stddef.h>

struct event_base;
struct work;

/* Where CPUs are short, the thread of one that may wait stands back: fifty logins a second do not keep anybody's reads waiting. */
enum { WORK_AT_ONCE = 0, WORK_MAY_WAIT = 10 /* nice */ };

struct work *work_new(struct event_base *base, int nice);
void work_free(struct work *w); /* waits for the job under way; jobs not begun and results not delivered are dropped */

/* `run(arg)` on the thread, then `done(arg)` on the loop. `arg` belongs to the job until `done`. */
size_t work_waiting(const struct work *w); /* jobs not delivered yet; for the loop's thread */
void work_submit(struct work *w, void (*run)(void *), void (*done)(void *), void *arg);

#endif
