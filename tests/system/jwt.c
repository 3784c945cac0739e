#include "jwt.h"

#include "pool.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { HALF = 32 };

char *base64url(const void *bytes, size_t len)
{
    char *out = malloc(len / 3 * 4 + 8);
    if (!out) abort();
    int n = EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
    while (n && out[n - 1] == '=') n--;
    out[n] = 0;
    for (char *p = out; *p; p++) *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    return pool_keep(out, free);
}

char *base64url_text(const char *part)
{
    char *in = text("%s%.*s", part, (int)((4 - strlen(part) % 4) % 4), "==="), *out = calloc(1, strlen(in) + 4);
    if (!out) abort();
    for (char *p = in; *p; p++) *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
    EVP_DecodeBlock((unsigned char *)out, (unsigned char *)in, (int)strlen(in));
    return pool_keep(out, free);
}

static char *unsigned_part(const char *header, const char *payload)
{
    return text("%s.%s", base64url(header, strlen(header)), base64url(payload, strlen(payload)));
}

char *jwt_unsigned(const char *header, const char *payload)
{
    return text("%s.", unsigned_part(header, payload));
}

char *jwt_hs256(const char *secret, const char *header, const char *payload)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len;
    char *part = unsigned_part(header, payload);
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)part, strlen(part), mac, &len);
    return text("%s.%s", part, base64url(mac, len));
}

static EVP_PKEY *key_read(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (!key) abort();
    return key;
}

/* JWS has the two halves side by side (RFC 7518, section 3.4), OpenSSL writes DER. */
static void halves(const unsigned char *der, size_t len, unsigned char out[2 * HALF])
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, HALF);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + HALF, HALF);
    ECDSA_SIG_free(sig);
}

char *jwt_es256(const char *private_pem, const char *header, const char *payload)
{
    unsigned char der[128], raw[2 * HALF];
    size_t len = sizeof der;
    char *part = unsigned_part(header, payload);
    EVP_PKEY *key = key_read(private_pem);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(ctx, der, &len, (unsigned char *)part, strlen(part)) != 1)
        abort();
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    halves(der, len, raw);
    return text("%s.%s", part, base64url(raw, sizeof raw));
}

static char *bio_text(BIO *bio)
{
    char *p;
    long n = BIO_get_mem_data(bio, &p);
    char *all = text("%.*s", (int)n, p);
    BIO_free(bio);
    return all;
}

char *ec_key_new(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    if (!key || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) abort();
    EVP_PKEY_free(key);
    return bio_text(bio);
}

char *ec_key_public(const char *private_pem)
{
    EVP_PKEY *key = key_read(private_pem);
    BIO *bio = BIO_new(BIO_s_mem());
    if (PEM_write_bio_PUBKEY(bio, key) != 1) abort();
    EVP_PKEY_free(key);
    return bio_text(bio);
}
