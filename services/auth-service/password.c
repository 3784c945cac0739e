#include "password.h"

#include "base/base64.h"
#include "base/uuid.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { LOG2_N = 15, R = 8, P = 1, SALT_LEN = 16, HASH_LEN = 32, MEMORY_MAX = 64 * 1024 * 1024 };

struct stored {
    int64_t log2_n, r, p;
    struct str salt, hash;
};

static bool derive(struct str password, const struct stored *s, unsigned char out[HASH_LEN])
{
    return EVP_PBE_scrypt(password.p, password.len, (const unsigned char *)s->salt.p, s->salt.len, UINT64_C(1) << s->log2_n,
                          (uint64_t)s->r, (uint64_t)s->p, MEMORY_MAX, out, HASH_LEN) == 1;
}

struct str password_hash(struct arena *a, struct str password)
{
    unsigned char salt[SALT_LEN], hash[HASH_LEN];
    random_bytes(salt, sizeof salt);
    struct stored s = { LOG2_N, R, P, { (char *)salt, sizeof salt }, STR_NONE };
    if (!derive(password, &s, hash)) return STR_NONE;
    struct str salt64 = base64url_encode(a, s.salt), hash64 = base64url_encode(a, (struct str){ (char *)hash, sizeof hash });
    return arena_printf(a, "scrypt$%d$%d$%d$%.*s$%.*s", LOG2_N, R, P, STR_ARG(salt64), STR_ARG(hash64));
}

static bool stored_read(struct arena *a, struct str text, struct stored *s)
{
    struct str rest = text;
    return str_is(str_cut(&rest, '$'), "scrypt") && str_to_i64(str_cut(&rest, '$'), 10, 20, &s->log2_n) &&
           str_to_i64(str_cut(&rest, '$'), 1, 32, &s->r) && str_to_i64(str_cut(&rest, '$'), 1, 16, &s->p) &&
           base64url_decode(a, str_cut(&rest, '$'), &s->salt) && base64url_decode(a, rest, &s->hash) && s->hash.len == HASH_LEN;
}

bool password_verify(struct str password, struct str stored)
{
    static const char no_salt[SALT_LEN];
    struct arena a;
    arena_init(&a);
    struct stored s = { LOG2_N, R, P, { no_salt, sizeof no_salt }, STR_NONE };
    bool known = !str_is_none(stored) && stored_read(&a, stored, &s);
    unsigned char hash[HASH_LEN];
    bool ok = derive(password, &s, hash) && known && CRYPTO_memcmp(hash, s.hash.p, HASH_LEN) == 0;
    OPENSSL_cleanse(hash, sizeof hash);
    arena_done(&a);
    return ok;
}
