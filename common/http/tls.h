/* tls: certificates for those who come to this process, and for those it goes to: TLS 1.2 and 1.3, AEAD suites, session tickets. With
 * http/stream the only user of OpenSSL's connections.
 *
 * A context is read only once it is made; connections hold what they began with, whoever frees it. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include <stdbool.h>

enum tls_role { TLS_SERVER, TLS_CLIENT, TLS_ROLES };

/* PEM files. A server has a certificate; with a CA it takes only clients that show a certificate of that CA. A client has a CA and
 * takes only servers with a certificate of it for the name that was asked for; its own certificate is shown when it is asked for. */
struct tls_files {
    const char *cert_file, *key_file, *ca_file; /* NULL: none */
};

bool tls_is_wanted(const struct tls_files *files); /* there is at least one */

/* SSL_CTX for http/server or http/client. NULL: `ret_fault` (static text) says why the files are no good. */
void *tls_new(enum tls_role role, const struct tls_files *files, const char **ret_fault);
void tls_free(void *tls); /* NULL: nothing */

#endif
