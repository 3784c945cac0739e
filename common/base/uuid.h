/* uuid: identifiers, RFC 9562. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/str.h"

enum { UUID_LEN = 36, UUID_BYTES = 16 };

void uuid_v7(char out[UUID_LEN + 1]); /* time-ordered, unguessable tail; monotonic within a thread */
void uuid_text(const unsigned char bytes[UUID_BYTES], char out[UUID_LEN + 1]);
bool uuid_bytes(struct str s, unsigned char out[UUID_BYTES]); /* false: not uuid_valid() */
bool uuid_valid(struct str s);        /* 8-4-4-4-12 hexadecimal digits, either case */

/* `n` bytes of the system's randomness (getrandom); aborts when there is none. */
void random_bytes(void *out, size_t n);

#endif
