#include "tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* RFC 9325: forward secrecy and AEAD only. TLS 1.3 has nothing else. */
static const char suites[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                             "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static int select_http11(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                         unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl, (void)arg;
    int found = SSL_select_next_proto((unsigned char **)out, out_len, ours, sizeof ours - 1, in, in_len);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static const char *configure(SSL_CTX *ctx, const char *cert_file, const char *key_file)
{
    if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) || !SSL_CTX_set_cipher_list(ctx, suites))
        return "OpenSSL lacks TLS 1.2 with AEAD";
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"crm", 3);
    SSL_CTX_set_alpn_select_cb(ctx, select_http11, NULL);
    if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1) return "TLS_CERT_FILE holds no usable certificate chain";
    if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1) return "TLS_KEY_FILE holds no usable private key";
    if (SSL_CTX_check_private_key(ctx) != 1) return "TLS_KEY_FILE does not belong to TLS_CERT_FILE";
    return NULL;
}

void *tls_new(const char *cert_file, const char *key_file, const char **ret_fault)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    *ret_fault = ctx ? configure(ctx, cert_file, key_file) : "OpenSSL does not work";
    if (!*ret_fault) return ctx;
    ERR_clear_error();
    SSL_CTX_free(ctx);
    return NULL;
}

void tls_free(void *tls)
{
    SSL_CTX_free(tls);
}
