#include "auth/jwk.h"

#include "base/base64.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdlib.h>

enum { COORDINATE = 32, POINT = 1 + 2 * COORDINATE };

static struct str bio_take(struct arena *a, BIO *bio)
{
    char *data;
    long n = BIO_get_mem_data(bio, &data);
    struct str text = arena_dup(a, (struct str){ data, (size_t)n });
    BIO_free(bio);
    return text;
}

static bool public_point(EVP_PKEY *key, unsigned char point[POINT])
{
    size_t n = 0;
    EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
    return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, POINT, &n) == 1 && n == POINT;
}

bool jwk_generate(struct arena *a, struct str *ret_private_pem, struct str *ret_kid, struct str *ret_public_jwk)
{
    unsigned char point[POINT], digest[32];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = key && bio && public_point(key, point) && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    EVP_PKEY_free(key);
    if (!ok) {
        BIO_free(bio);
        return false;
    }
    *ret_private_pem = bio_take(a, bio);
    struct str x = base64url_encode(a, (struct str){ (char *)point + 1, COORDINATE });
    struct str y = base64url_encode(a, (struct str){ (char *)point + 1 + COORDINATE, COORDINATE });
    struct str core = arena_printf(a, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%.*s\",\"y\":\"%.*s\"}", STR_ARG(x), STR_ARG(y));
    if (!EVP_Digest(core.p, core.len, digest, NULL, EVP_sha256(), NULL)) return false;
    *ret_kid = base64url_encode(a, (struct str){ (char *)digest, sizeof digest });
    *ret_public_jwk = arena_printf(a,
                                   "{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"%.*"
                                   "s\",\"x\":\"%.*s\",\"y\":\"%.*s\"}",
                                   STR_ARG(*ret_kid), STR_ARG(x), STR_ARG(y));
    return true;
}

static EVP_PKEY *key_of_point(unsigned char *point)
{
    EVP_PKEY *key = NULL;
    char group[] = "P-256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, POINT),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1) EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

bool jwk_to_pem(struct arena *a, struct str x, struct str y, struct str *ret_pem)
{
    unsigned char point[POINT] = { 4 }; /* uncompressed, SEC 1 section 2.3.3 */
    struct str bx, by;
    if (!base64url_decode(a, x, &bx) || !base64url_decode(a, y, &by) || bx.len != COORDINATE || by.len != COORDINATE)
        return false;
    memcpy(point + 1, bx.p, COORDINATE);
    memcpy(point + 1 + COORDINATE, by.p, COORDINATE);
    EVP_PKEY *key = key_of_point(point);
    BIO *bio = key ? BIO_new(BIO_s_mem()) : NULL;
    bool ok = bio && PEM_write_bio_PUBKEY(bio, key) == 1;
    EVP_PKEY_free(key);
    if (ok) *ret_pem = bio_take(a, bio);
    else BIO_free(bio);
    return ok;
}

void sha256(struct str text, unsigned char out[32])
{
    if (!EVP_Digest(text.p, text.len, out, NULL, EVP_sha256(), NULL)) abort();
}

void hmac_sha256(struct str key, struct str text, unsigned char out[32])
{
    if (!HMAC(EVP_sha256(), key.p, (int)key.len, (const unsigned char *)text.p, text.len, out, NULL)) abort();
}
