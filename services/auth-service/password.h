/* password: memory-hard hashes (scrypt, RFC 7914: N 2^15, r 8, p 1, so 32 MiB and some 80 ms each). Call on the work thread. */
#ifndef AUTH_SERVICE_PASSWORD_H
#define AUTH_SERVICE_PASSWORD_H

#include "base/arena.h"

enum { PASSWORD_MIN = 8, PASSWORD_MAX = 128 }; /* characters */
enum { HASHES_WAITING_MAX = 64 };              /* of a worker: further ones are refused, 503 */

/* "scrypt$15$8$1$<salt>$<hash>", base64url; absent when OpenSSL refuses. */
struct str password_hash(struct arena *a, struct str password);

/* Constant time in the hash. An absent `stored` costs as much as a real one and is false: nobody learns which users exist. */
bool password_verify(struct str password, struct str stored);

#endif
