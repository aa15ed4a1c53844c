#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/buf.h"
#include "http/server.h"

static const unsigned char protocol[] = "\x08http/1.1";

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *arg)
{
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, protocol, sizeof protocol - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static struct ssl_ctx_st *refuse(struct ssl_ctx_st *tls, const char *what, const char *path,
                                 struct buf *why)
{
    char text[256];

    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    ERR_clear_error();
    buf_printf(why, "%s \"%s\": %s", what, path, text);
    SSL_CTX_free(tls);
    return NULL;
}

struct ssl_ctx_st *tls_load(const char *certificate, const char *key, struct buf *why)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

    if (tls == NULL)
        return refuse(NULL, "cannot set up TLS for", certificate, why);
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    /* a peer that closes without a word is no error: messages end where their framing says */
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
    /* before TLS 1.3 only suites with forward secrecy and authenticated encryption */
    if (SSL_CTX_set_cipher_list(tls, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL") != 1)
        return refuse(tls, "cannot choose ciphers for", certificate, why);
    if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1)
        return refuse(tls, "cannot read the certificate", certificate, why);
    if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
        return refuse(tls, "cannot read the key", key, why);
    if (SSL_CTX_check_private_key(tls) != 1)
        return refuse(tls, "the key does not belong to the certificate", key, why);
    return tls;
}

void tls_free(struct ssl_ctx_st *tls)
{
    SSL_CTX_free(tls);
}
