/* forge: tokens with any header, claims and signature, made with OpenSSL: what an attacker, or a buggy issuer, could send. */
#ifndef TESTS_FORGE_H
#define TESTS_FORGE_H

#include "auth/jwk.h"
#include "base/base64.h"

#include "unit.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

static inline EVP_PKEY *forge_key(struct str pem)
{
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(key);
    return key;
}

/* ECDSA in DER, or RSA PKCS#1 v1.5: by the key. */
static inline struct str forge_sign(struct arena *a, EVP_PKEY *key, struct str text)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = 1024;
    unsigned char *out = arena_alloc(a, len);
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, out, &len, (const unsigned char *)text.p, text.len), 1);
    EVP_MD_CTX_free(ctx);
    return (struct str){ (char *)out, len };
}

/* r and s, 32 bytes each (RFC 7518 section 3.4) */
static inline struct str forge_raw(struct arena *a, struct str der)
{
    const unsigned char *p = (const unsigned char *)der.p;
    unsigned char *out = arena_alloc(a, 64);
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.len);
    assert_non_null(sig);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32), 32);
    ECDSA_SIG_free(sig);
    return (struct str){ (char *)out, 64 };
}

static inline struct str forge_input(struct arena *a, struct str header, struct str claims)
{
    struct str h = base64url_encode(a, header), c = base64url_encode(a, claims);
    return arena_printf(a, "%.*s.%.*s", STR_ARG(h), STR_ARG(c));
}

static inline struct str forge_token(struct arena *a, struct str input, struct str signature)
{
    struct str s = base64url_encode(a, signature);
    return arena_printf(a, "%.*s.%.*s", STR_ARG(input), STR_ARG(s));
}

static inline struct str forge_es256(struct arena *a, struct str private_pem, struct str header, struct str claims)
{
    EVP_PKEY *key = forge_key(private_pem);
    struct str input = forge_input(a, header, claims), der = forge_sign(a, key, input);
    EVP_PKEY_free(key);
    return forge_token(a, input, forge_raw(a, der));
}

#endif
