/* stale: the last good answers of routes that say so ("degraded": "stale"), for when their service does not answer.
 *
 * Only answers that are the same for everybody who may have them. Bounded: beyond STALE_ANSWERS the one that was not needed
 * for longest goes. One per worker; no clock of its own (RFC 5861, section 4: stale-if-error). */
#ifndef GATEWAY_STALE_H
#define GATEWAY_STALE_H

#include "base/str.h"

enum { STALE_ANSWERS = 256, STALE_BODY_MAX = 64 * 1024 /* bytes; longer ones are not kept */ };

struct stale;

struct stale_answer {
    struct str type, body; /* Content-Type; valid until the next stale_keep() */
    uint64_t since_us;     /* when it was fresh */
};

struct stale *stale_new(void);
void stale_free(struct stale *s); /* NULL: nothing */

/* Copies all. `target`: path and query as sent. */
void stale_keep(struct stale *s, struct str target, struct str type, struct str body, uint64_t now_us);

/* false: there is none that is younger than `max_age_ms`. */
bool stale_find(struct stale *s, struct str target, uint64_t now_us, int max_age_ms, struct stale_answer *ret);

#endif
