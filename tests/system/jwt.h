/* jwt: tokens that auth-service would never make. Text lives until the test ends. */
#ifndef SYSTEM_JWT_H
#define SYSTEM_JWT_H

#include <stddef.h>

char *base64url(const void *bytes, size_t len);
char *base64url_text(const char *part); /* decoded */

/* "<header>.<payload>.<signature>" of two JSON texts. */
char *jwt_es256(const char *private_pem, const char *header, const char *payload);
char *jwt_hs256(const char *secret, const char *header, const char *payload);
char *jwt_unsigned(const char *header, const char *payload);

char *ec_key_new(void);                       /* a fresh P-256 private key, PEM */
char *ec_key_public(const char *private_pem); /* its public key, PEM */

#endif
