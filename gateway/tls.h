/* tls: the gateway's certificate and key: TLS 1.2 and 1.3, AEAD suites, session tickets.
 *
 * What was loaded last is for connections from then on; older connections keep what they began with. */
#ifndef GATEWAY_TLS_H
#define GATEWAY_TLS_H

/* PEM files. NULL, or why they are no good: then nothing has changed. */
const char *tls_load(const char *cert_file, const char *key_file);
void tls_unload(void);

/* What is loaded now, for http/server: from any thread; held until tls_release(). */
void *tls_hold(void);
void tls_release(void *tls); /* NULL: nothing */

#endif
