/* pki: a certificate authority of a test, in a folder of its own that goes with the test. Made by openssl(1). */
#ifndef SYSTEM_PKI_H
#define SYSTEM_PKI_H

/* A folder with ca.crt and ca.key, and the certificate "client" (client.crt, client.key). */
const char *pki_new(void);

/* <name>.crt and <name>.key, for subjectAltName `alt` ("DNS:a.test,IP:127.0.0.1"). days < 0: expired. */
void pki_issue(const char *pki, const char *name, const char *alt, int days);

/* `name`'s certificate is from now on that of `from`. */
void pki_copy(const char *pki, const char *name, const char *from);

#endif
