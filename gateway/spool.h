/* spool: lines that are on the disk before anybody relies on them. One of the process, for all its workers.
 *
 * A thread of its own writes what they add. What comes while a write is under way, or shortly after one began, goes with the next one, so
 * that many share one fsync. What cannot be written is tried again. A file that is long enough, or old enough, is closed and named
 * <uuid>.full: who carries it away deletes it. A process that was killed leaves its open file, which the next one takes for full; the last
 * line of such a file may be a part of one, which nobody has relied on. */
#ifndef GATEWAY_SPOOL_H
#define GATEWAY_SPOOL_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct worker;
struct spool_user; /* a worker */

/* Before and after the workers. NULL, or why the folder (made with 0700 when it is not there) cannot be this process's own. */
const char *spool_start(const char *folder);
void spool_stop(void); /* writes what is left */

/* `written(arg)` on the worker's loop: after a write, good or not, when lines of this worker have been waiting. */
struct spool_user *spool_join(const struct worker *w, void (*written)(void *arg), void *arg);
void spool_leave(struct spool_user *u);

/* `line` ends in a newline and is copied. The number that it has: spool_durable() reaches it when it is on the disk. */
uint64_t spool_add(struct spool_user *u, struct str line);
uint64_t spool_durable(void);
bool spool_is_broken(void); /* the last write failed: what was added is not safe yet */

#endif
