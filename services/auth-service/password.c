#include "password.h"

#include "base/base64.h"
#include "base/uuid.h"

#include <argon2.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { MEMORY_KIB = 9216, PASSES = 4, LANES = 1, SALT_LEN = 16, HASH_LEN = 32, ENCODED_LEN = 128 };

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

/* --- of version 0.1.0: "scrypt$<log2 N>$<r>$<p>$<salt>$<hash>", RFC 7914, base64url -------------------------------------------- */

enum { SCRYPT_MEMORY_MAX = 64 * 1024 * 1024 };

static bool scrypt_verify(struct str password, struct str stored)
{
    struct arena a;
    struct str rest = stored, salt, hash;
    int64_t log2_n, r, p;
    unsigned char got[HASH_LEN];
    arena_init(&a);
    bool ok = str_is(str_cut(&rest, '$'), "scrypt") && str_to_i64(str_cut(&rest, '$'), 10, 20, &log2_n) &&
              str_to_i64(str_cut(&rest, '$'), 1, 32, &r) && str_to_i64(str_cut(&rest, '$'), 1, 16, &p) &&
              base64url_decode(&a, str_cut(&rest, '$'), &salt) && base64url_decode(&a, rest, &hash) && hash.len == sizeof got &&
              EVP_PBE_scrypt(password.p, password.len, (const unsigned char *)salt.p, salt.len, UINT64_C(1) << log2_n, (uint64_t)r,
                             (uint64_t)p, SCRYPT_MEMORY_MAX, got, sizeof got) == 1 &&
              CRYPTO_memcmp(got, hash.p, sizeof got) == 0;
    arena_done(&a);
    return ok;
}

/* ---------------------------------------------------------------------------------------------------------------------------- */

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
    if (str_has_prefix(stored, STR("scrypt$"))) return scrypt_verify(password, stored);
    if (str_is_none(stored) || stored.len >= sizeof encoded || memchr(stored.p, 0, stored.len)) return verify_nobody(password);
    memcpy(encoded, stored.p, stored.len);
    encoded[stored.len] = 0;
    return argon2id_verify(encoded, password.p, password.len) == ARGON2_OK;
}
