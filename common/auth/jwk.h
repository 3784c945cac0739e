/* jwk: EC P-256 keys as JWK (RFC 7517, RFC 7518 section 6.2) and PEM, by OpenSSL. */
#ifndef AUTH_JWK_H
#define AUTH_JWK_H

#include "base/arena.h"

/* A new key pair: private PEM, and its public JWK with kid = RFC 7638 thumbprint. */
bool jwk_generate(struct arena *a, struct str *ret_private_pem, struct str *ret_kid, struct str *ret_public_jwk);

/* The public key with these base64url coordinates as PEM; false: not a point of P-256. */
bool jwk_to_pem(struct arena *a, struct str x, struct str y, struct str *ret_pem);

void sha256(struct str text, unsigned char out[32]);

/* HMAC-SHA-256 (RFC 2104) into 32 bytes. */
void hmac_sha256(struct str key, struct str text, unsigned char out[32]);

#endif
