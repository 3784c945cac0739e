/* keys: keeps a worker's public keys fresh from a JWKS URL. The last good set stays when the URL does not answer. */
#ifndef AUTH_KEYS_H
#define AUTH_KEYS_H

struct keys;
struct worker;

struct keys *keys_new(struct worker *w, const char *jwks_url); /* NULL: malformed URL */
void keys_free(struct keys *k); /* before its client: gives up what it has asked */

#endif
