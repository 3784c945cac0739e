/* revocation_set: which sessions have ended, and since which generation the tokens of a user count. Plain data, one per worker.
 *
 * A hash table of 24 bytes a slot, at most half full: a look-up is a few compares. An entry is kept until the last token that it could
 * concern has expired; what is over goes when the table is made anew, as it grows or by revocation_set_sweep(). */
#ifndef AUTH_REVOCATION_SET_H
#define AUTH_REVOCATION_SET_H

#include "base/uuid.h"

enum { REVOCATION_ALL = INT32_MAX }; /* a generation that no token reaches: whatever names this id is over */

struct revocation {
    unsigned char id[UUID_BYTES]; /* of a session or a user: ids are unique across both */
    int32_t generation;           /* tokens of an older one are over */
    uint32_t until_s;             /* unix time; 0: the slot is free */
};

struct revocation_set {
    struct revocation *slots;
    size_t capacity, used; /* a power of two; 0: none yet */
};

void revocation_set_done(struct revocation_set *s); /* {0} is an empty set */

/* Taking one in twice, or out of order, changes nothing: the newest generation and the longest time count. */
void revocation_set_add(struct revocation_set *s, const struct revocation *r, int64_t now_s);
void revocation_set_sweep(struct revocation_set *s, int64_t now_s);

/* Is a token over that names this id and is of this generation? An id that is no UUID names nothing here. */
bool revocation_set_has(const struct revocation_set *s, struct str id, int64_t generation);

#endif
