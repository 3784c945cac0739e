/* password: memory-hard hashes (Argon2id, RFC 9106): 9 MiB, four passes, one lane, some 20 ms each. Of the parameters that OWASP's
 * password storage cheat sheet calls equally strong, those that do without much memory bandwidth: other threads share it. Call on
 * the work thread. */
#ifndef AUTH_SERVICE_PASSWORD_H
#define AUTH_SERVICE_PASSWORD_H

#include "base/arena.h"

enum { PASSWORD_MIN = 8, PASSWORD_MAX = 128 }; /* characters */
enum { HASHES_WAITING_MAX = 64 };              /* of a worker: further ones are refused, 503 */

/* "$argon2id$v=19$m=9216,t=4,p=1$<salt>$<hash>"; absent when there is no memory for it. */
struct str password_hash(struct arena *a, struct str password);

/* `stored` is what password_hash() gave, now or in version 0.1.0 (scrypt). Constant time in the hash. An absent `stored` costs as much
 * as a real one and is false: nobody learns which users exist. */
bool password_verify(struct str password, struct str stored);

#endif
