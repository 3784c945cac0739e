#include "password.h"

#include "base/uuid.h"

#include <argon2.h>

enum { MEMORY_KIB = 19456, PASSES = 2, LANES = 1, SALT_LEN = 16, HASH_LEN = 32, ENCODED_LEN = 128 };

static bool hash_of(struct str password, const char *salt, char encoded[ENCODED_LEN])
{
    return argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password.p, password.len, salt, SALT_LEN, HASH_LEN, encoded,
                                 ENCODED_LEN) == ARGON2_OK;
}

struct str password_hash(struct arena *a, struct str password)
{
    char salt[SALT_LEN], encoded[ENCODED_LEN];
    random_bytes(salt, sizeof salt);
    return hash_of(password, salt, encoded) ? arena_dup(a, str_of(encoded)) : STR_NONE;
}

static bool verify_nobody(struct str password)
{
    static const char no_salt[SALT_LEN];
    char encoded[ENCODED_LEN];
    hash_of(password, no_salt, encoded);
    return false;
}

bool password_verify(struct str password, struct str stored)
{
    char encoded[ENCODED_LEN];
    if (str_is_none(stored) || stored.len >= sizeof encoded || memchr(stored.p, 0, stored.len)) return verify_nobody(password);
    memcpy(encoded, stored.p, stored.len);
    encoded[stored.len] = 0;
    return argon2id_verify(encoded, password.p, password.len) == ARGON2_OK;
}
