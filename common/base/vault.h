/* vault: values sealed for storage with AES-256-GCM (NIST SP 800-38D), and blind indexes to find them by.
 *
 * A sealed value is: version 1 (1 byte), key id (4 bytes, big-endian), random nonce (12), ciphertext, tag (16). Version and key id
 * are authenticated too, and so is a context that the caller gives: what the value belongs to. It opens with that context only,
 * so a value that was moved or changed by somebody who can write to the store does not open. Random nonces are good
 * for 2^32 values of one key (section 8.3).
 *
 * A blind index is HMAC-SHA-256 of a value, cut to 16 bytes, with a key that HKDF (RFC 5869) derives from the index key for one
 * domain: equal values of a domain have equal indexes, and nobody without the key can tell whose they are.
 *
 * The key ring is text: entries apart by line ends or commas, "<id>:<base64 of 32 bytes>" with an id from 1 to 4294967295, and one
 * "index:<base64 of 32 bytes>". The first with a number seals; all of them open. Lines that begin with # say nothing.
 *
 * A vault is read-only and may be used by all threads; each has cipher contexts of its own, made at first use. */
#ifndef BASE_VAULT_H
#define BASE_VAULT_H

#include "base/buf.h"

enum {
    VAULT_KEY = 32,
    VAULT_HEAD = 5,                     /* version and key id: who sealed it */
    VAULT_OVERHEAD = VAULT_HEAD + 12 + 16, /* bytes of a sealed value beyond the clear one */
    VAULT_CONTEXT_MAX = 256,
    VAULT_INDEX = 16,
    VAULT_KEYS_MAX = 16                 /* in a key ring, without the index key */
};

struct vault;

/* NULL: `faults` has a line per fault, without a word of the keys. */
struct vault *vault_new(struct str key_ring, struct buf *faults);
void vault_free(struct vault *v); /* no other thread uses it any more; NULL is fine */

/* Writes clear.len + VAULT_OVERHEAD bytes. */
void vault_seal(const struct vault *v, struct str context, struct str clear, char *to);

/* Writes sealed.len - VAULT_OVERHEAD bytes. NULL: fine; else the reason, and `to` says nothing. */
const char *vault_open(const struct vault *v, struct str context, struct str sealed, char *to);

void vault_index(const struct vault *v, struct str domain, struct str value, char to[VAULT_INDEX]);

uint32_t vault_current(const struct vault *v); /* the key that seals */
bool vault_has(const struct vault *v, uint32_t key_id);
void vault_head(uint32_t key_id, char to[VAULT_HEAD]); /* how values begin that this key sealed */

#endif
