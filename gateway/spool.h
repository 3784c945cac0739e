/* spool: lines that are on the disk before anybody relies on them. One per worker, in a folder of the process.
 *
 * What is appended while a write is under way, or shortly after one began, goes with the next one, so that many share one fsync; all of it
 * happens on a thread of its own beside the loop. What cannot be written is tried again. A file that is long enough, or old enough, is closed and named <uuid>.full: who carries
 * it away deletes it. A process that was killed leaves its open files, which the next one takes for full; the last line of such a file may
 * be a part of one, which nobody has relied on. */
#ifndef GATEWAY_SPOOL_H
#define GATEWAY_SPOOL_H

#include "base/str.h"

#include <stdint.h>

struct spool;
struct worker;

/* Once, before the workers: takes the folder for this process (0700 when it is made), and what another one has left there. NULL, or why
 * not. */
const char *spool_folder_take(const char *folder);
void spool_folder_leave(void);

struct spool *spool_new(struct worker *w, const char *folder);
void spool_free(struct spool *s); /* writes what is left */

/* `line` ends in a newline and is copied. The number that it has: spool_durable() reaches it when it is on the disk. */
uint64_t spool_add(struct spool *s, struct str line);
uint64_t spool_durable(const struct spool *s);
bool spool_is_broken(const struct spool *s); /* the last write failed: what was added is not safe yet */

/* On the loop, after a write, good or not. */
void spool_listen(struct spool *s, void (*written)(void *arg), void *arg);

#endif
