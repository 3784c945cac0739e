/* tls: the gateway's certificate and key: TLS 1.2 and 1.3, AEAD suites, session tickets.
 *
 * Connections hold what they began with, whoever frees it. */
#ifndef GATEWAY_TLS_H
#define GATEWAY_TLS_H

/* From PEM files, for http/server. NULL: `ret_fault` says why they are no good. */
void *tls_new(const char *cert_file, const char *key_file, const char **ret_fault);
void tls_free(void *tls); /* NULL: nothing */

#endif
