/* SPDX-License-Identifier: MIT */
#include "crypto.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#define PEM_MAX ((size_t)64 << 10)
#define ASSERTION_MAX ((size_t)16 << 10)

DEFINE_CLEANUP(X509, X509_free);
DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);
DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free);
DEFINE_CLEANUP(BIO, BIO_free_all);

/* An encrypted key must not make the program ask on its terminal. */
static int no_passphrase(char *out, int size, int writing, void *arg) {
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static X509 *read_certificate(const void *pem, size_t len) {
    _cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(pem, (int)len);
    return bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
}

static EVP_PKEY *read_key(const void *pem, size_t len) {
    _cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(pem, (int)len);
    return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
}

static int check_pair(const char *path, X509 *cert, EVP_PKEY *key, struct error *err) {
    if (!cert)
        return err_set(err, -EINVAL, "invalid_config",
                       "%s has no certificate: a PEM file with the certificate and its private key "
                       "is needed",
                       path);
    if (!key)
        return err_set(err, -EINVAL, "invalid_config",
                       "%s has no private key without a passphrase: append the key in PEM form",
                       path);
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        return err_set(err, -EINVAL, "invalid_config",
                       "the key in %s is not an RSA key: only RSA certificates can sign in", path);
    if (X509_check_private_key(cert, key) != 1)
        return err_set(err, -EINVAL, "invalid_config",
                       "the private key in %s does not belong to the certificate in it", path);
    return 0;
}

static int read_pem(const char *path, struct buf *b, struct error *err) {
    FILE *f = fopen(path, "re");
    if (!f) {
        int r = -errno;
        return err_set(err, r, "invalid_config", "cannot read the certificate %s: %s", path,
                       strerror(-r));
    }
    int r = buf_reserve(b, PEM_MAX);
    if (r == 0) {
        size_t n = fread(b->data, 1, PEM_MAX, f);
        b->len = n;
        b->data[n] = '\0';
        if (ferror(f))
            r = err_set(err, -EIO, "invalid_config", "cannot read the certificate %s", path);
    }
    (void)fclose(f);
    return r;
}

static int load(const char *path, struct error *err, X509 **ret_cert, EVP_PKEY **ret_key) {
    struct buf b = BUF_INIT(PEM_MAX);
    int r = read_pem(path, &b, err);
    _cleanup_(X509_freep) X509 *cert = NULL;
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    if (r == 0) {
        cert = read_certificate(b.data, b.len);
        key = read_key(b.data, b.len);
        r = check_pair(path, cert, key, err);
    }
    if (b.cap)
        crypto_wipe(b.data, b.cap);
    buf_done(&b);
    if (r < 0)
        return r;
    *ret_cert = TAKE_PTR(cert);
    *ret_key = TAKE_PTR(key);
    return 0;
}

static int put_header(X509 *cert, struct buf *b) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (X509_digest(cert, EVP_sha256(), digest, &len) != 1)
        return -EIO;
    _cleanup_buf_ struct buf json = BUF_INIT(256);
    (void)buf_puts(&json, "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"");
    (void)crypto_base64url_encode(digest, len, &json);
    (void)buf_puts(&json, "\"}");
    if (buf_error(&json))
        return buf_error(&json);
    return crypto_base64url_encode(json.data, json.len, b);
}

static int put_claims(const struct crypto_assertion *c, struct buf *b) {
    _cleanup_buf_ struct buf json = BUF_INIT(ASSERTION_MAX / 2);
    (void)buf_puts(&json, "{\"aud\":\"");
    (void)buf_put_json(&json, c->audience);
    (void)buf_puts(&json, "\",\"iss\":\"");
    (void)buf_put_json(&json, c->client_id);
    (void)buf_puts(&json, "\",\"sub\":\"");
    (void)buf_put_json(&json, c->client_id);
    (void)buf_puts(&json, "\",\"jti\":\"");
    (void)buf_put_json(&json, c->id);
    (void)buf_printf(&json, "\",\"nbf\":%" PRIu64 ",\"iat\":%" PRIu64 ",\"exp\":%" PRIu64 "}",
                     c->now_s, c->now_s, c->now_s + c->lifetime_s);
    if (buf_error(&json))
        return buf_error(&json);
    return crypto_base64url_encode(json.data, json.len, b);
}

/* RSASSA-PSS over SHA-256, salt as long as the digest: what JOSE calls PS256. */
static int put_signature(EVP_PKEY *key, struct buf *b) {
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pkey = NULL;
    if (!ctx)
        return -ENOMEM;
    if (EVP_DigestSignInit(ctx, &pkey, EVP_sha256(), NULL, key) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST) != 1)
        return -EIO;
    const unsigned char *text = (const unsigned char *)b->data;
    size_t len = 0;
    if (EVP_DigestSign(ctx, NULL, &len, text, b->len) != 1)
        return -EIO;
    _cleanup_free_ unsigned char *signature = malloc(len);
    if (!signature)
        return -ENOMEM;
    if (EVP_DigestSign(ctx, signature, &len, text, b->len) != 1)
        return -EIO;
    (void)buf_putc(b, '.');
    return crypto_base64url_encode(signature, len, b);
}

int crypto_client_assertion(const char *pem_file, const struct crypto_assertion *claims,
                            struct error *err, char **ret) {
    _cleanup_(X509_freep) X509 *cert = NULL;
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    int r = load(pem_file, err, &cert, &key);
    if (r < 0)
        return r;
    _cleanup_buf_ struct buf b = BUF_INIT(ASSERTION_MAX);
    r = put_header(cert, &b);
    if (r == 0)
        r = buf_putc(&b, '.');
    if (r == 0)
        r = put_claims(claims, &b);
    if (r == 0)
        r = put_signature(key, &b);
    if (r < 0)
        return err_wrap(err, r, "cannot sign with %s", pem_file);
    char *text = buf_take(&b);
    if (!text)
        return -ENOMEM;
    *ret = text;
    return 0;
}
