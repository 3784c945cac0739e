/* uuid: identifiers, RFC 9562. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/str.h"

enum { UUID_LEN = 36 };

void uuid_v7(char out[UUID_LEN + 1]); /* time-ordered, unguessable tail; monotonic within a thread */
bool uuid_valid(struct str s);        /* 8-4-4-4-12 hexadecimal digits, either case */

/* `n` bytes of the system's randomness (getrandom); aborts when there is none. */
void random_bytes(void *out, size_t n);

#endif
