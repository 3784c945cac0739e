#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* RFC 9325: forward secrecy and AEAD only. TLS 1.3 has nothing else. */
static const char suites[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                             "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/* --- the files ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *no_cert, *no_key, *no_pair, *no_ca;
} faults[TLS_ROLES] = {
    [TLS_SERVER] = { "TLS_CERT_FILE holds no usable certificate chain", "TLS_KEY_FILE holds no usable private key",
                     "TLS_KEY_FILE does not belong to TLS_CERT_FILE", "TLS_CLIENT_CA_FILE holds no certificate" },
    [TLS_CLIENT] = { "UPSTREAM_CERT_FILE holds no usable certificate chain", "UPSTREAM_KEY_FILE holds no usable private key",
                     "UPSTREAM_KEY_FILE does not belong to UPSTREAM_CERT_FILE", "UPSTREAM_CA_FILE holds no certificate" },
};

static const char *load_own(SSL_CTX *ctx, enum tls_role role, const struct tls_files *f)
{
    if (!f->cert_file || SSL_CTX_use_certificate_chain_file(ctx, f->cert_file) != 1) return faults[role].no_cert;
    if (!f->key_file || SSL_CTX_use_PrivateKey_file(ctx, f->key_file, SSL_FILETYPE_PEM) != 1) return faults[role].no_key;
    return SSL_CTX_check_private_key(ctx) == 1 ? NULL : faults[role].no_pair;
}

static const char *load_ca(SSL_CTX *ctx, enum tls_role role, const struct tls_files *f)
{
    return f->ca_file && SSL_CTX_load_verify_file(ctx, f->ca_file) == 1 ? NULL : faults[role].no_ca;
}

/* --- a context ---------------------------------------------------------------------------------------------------- */

static int select_http11(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                         unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl, (void)arg;
    int found = SSL_select_next_proto((unsigned char **)out, out_len, ours, sizeof ours - 1, in, in_len);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static const char *configure_server(SSL_CTX *ctx, const struct tls_files *f)
{
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"crm", 3);
    SSL_CTX_set_alpn_select_cb(ctx, select_http11, NULL);
    const char *fault = load_own(ctx, TLS_SERVER, f);
    if (fault || !f->ca_file) return fault;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(f->ca_file)); /* clients are told whose certificates are taken */
    return load_ca(ctx, TLS_SERVER, f);
}

static const char *configure_client(SSL_CTX *ctx, const struct tls_files *f)
{
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    const char *fault = load_ca(ctx, TLS_CLIENT, f);
    return fault || (!f->cert_file && !f->key_file) ? fault : load_own(ctx, TLS_CLIENT, f);
}

static const char *configure(SSL_CTX *ctx, enum tls_role role, const struct tls_files *f)
{
    if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) || !SSL_CTX_set_cipher_list(ctx, suites))
        return "OpenSSL lacks TLS 1.2 with AEAD";
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return role == TLS_SERVER ? configure_server(ctx, f) : configure_client(ctx, f);
}

bool tls_is_wanted(const struct tls_files *f)
{
    return f->cert_file || f->key_file || f->ca_file;
}

void *tls_new(enum tls_role role, const struct tls_files *files, const char **ret_fault)
{
    SSL_CTX *ctx = SSL_CTX_new(role == TLS_SERVER ? TLS_server_method() : TLS_client_method());
    *ret_fault = ctx ? configure(ctx, role, files) : "OpenSSL does not work";
    if (!*ret_fault) return ctx;
    ERR_clear_error();
    SSL_CTX_free(ctx);
    return NULL;
}

void tls_free(void *tls)
{
    SSL_CTX_free(tls);
}
