/* tls: the certificates of this process, as a server and as a client: TLS 1.2 and 1.3, AEAD suites, session tickets. With http/stream
 * the only user of OpenSSL's connections.
 *
 * What was loaded last is for connections from then on; older connections keep what they began with. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

enum tls_role { TLS_SERVER, TLS_CLIENT, TLS_ROLES };

/* PEM files. A server has a certificate; with a CA it takes only clients that show a certificate of that CA. A client has a CA and
 * takes only servers with a certificate of it for the name that was asked for; its own certificate is shown when it is asked for. */
struct tls_files {
    const char *cert_file, *key_file, *ca_file; /* NULL: none */
};

/* NULL, or why they are no good: then nothing has changed. */
const char *tls_load(enum tls_role role, const struct tls_files *files);
void tls_unload(void);

/* SSL_CTX of what is loaded now, NULL for nothing: from any thread; held until tls_release(). */
void *tls_hold(enum tls_role role);
void tls_release(void *tls); /* NULL: nothing */

#endif
