/* SPDX-License-Identifier: MIT */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

/*
 * Hashes, tokens, encodings and keys. The only folder that sees OpenSSL and libxcrypt. All
 * functions may be called from any thread; none keeps state. Functions that return int give 0 or
 * -errno; -EIO means that the library refused for a reason of its own.
 */

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRYPTO_SHA256_SIZE 32
/* 64 hexadecimal digits and a NUL. */
#define CRYPTO_SHA256_HEX_SIZE 65
/* The largest token crypto_random_token makes, in random bytes. */
#define CRYPTO_TOKEN_BYTES_MAX 256

/* SHA-256 (FIPS 180-4). 0, -EIO or -ENOMEM. */
int crypto_sha256(const void *data, size_t len, uint8_t out[CRYPTO_SHA256_SIZE]);
/* The same as lower-case hexadecimal digits. */
int crypto_sha256_hex(const void *data, size_t len, char out[CRYPTO_SHA256_HEX_SIZE]);
/* HMAC-SHA-256 (RFC 2104). 0, -EIO or -ENOMEM. */
int crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                       uint8_t out[CRYPTO_SHA256_SIZE]);

/* Appends base64 (RFC 4648 section 4, padded). 0, -E2BIG or -ENOMEM. */
int crypto_base64_encode(const void *data, size_t len, struct buf *b);
/* Appends base64url without padding (RFC 4648 section 5). */
int crypto_base64url_encode(const void *data, size_t len, struct buf *b);
/* Appends the decoded bytes. Strict: padding required, no blanks. 0, -EINVAL, -E2BIG or -ENOMEM. */
int crypto_base64_decode(const char *text, size_t len, struct buf *b);
/* Appends the decoded bytes. Padding may be there or not. 0, -EINVAL, -E2BIG or -ENOMEM. */
int crypto_base64url_decode(const char *text, size_t len, struct buf *b);

/* Compares in a time that depends on `len` alone. */
bool crypto_equal(const void *a, const void *b, size_t len);
/* The same for texts; the time depends on their lengths alone. */
bool crypto_equal_text(const char *a, const char *b);

/* Overwrites memory that held a secret; is not optimised away. */
void crypto_wipe(void *data, size_t len);

/* Base64url of `n_bytes` random bytes (1..CRYPTO_TOKEN_BYTES_MAX); the caller frees it. 0, -EINVAL,
   -EIO (no random numbers) or -ENOMEM. */
int crypto_random_token(size_t n_bytes, char **ret);

/* The crypt(5) text of a password: yescrypt with a salt of its own. Takes some 50 ms and 16 MiB on
   purpose. *ret is malloc'ed. 0, -EIO (no random numbers, or the library cannot) or -ENOMEM. */
int crypto_password_hash(const char *password, char **ret);

/* What a client assertion says. All texts are borrowed. */
struct crypto_assertion {
    const char *audience;  /* the token URL */
    const char *client_id; /* issuer and subject */
    const char *id;        /* jti: a fresh UUID */
    uint64_t now_s;        /* wall time, seconds since 1970 */
    uint64_t lifetime_s;   /* 300..600 */
};

/*
 * A signed JSON Web Token for the OAuth client-credentials grant with a certificate (RFC 7523):
 * header {"alg":"PS256","typ":"JWT","x5t#S256":...}, RSASSA-PSS with SHA-256 and a salt of 32 bytes
 * (RFC 7518 section 3.5). `pem_file` holds the certificate and its unencrypted RSA private key.
 * *ret is malloc'ed. Returns 0, the errno of opening the file, -EINVAL (no certificate, no key, the
 * key is not RSA or does not belong to the certificate), -EIO or -ENOMEM; `err` names the file.
 */
int crypto_client_assertion(const char *pem_file, const struct crypto_assertion *claims,
                            struct error *err, char **ret);

/*
 * Makes an Ed25519 key pair. The private key goes to `path` (mode 0600, OpenSSH's own format, no
 * passphrase; replaced atomically), *ret is the authorized_keys line "ssh-ed25519 BASE64 COMMENT"
 * (malloc'ed, no newline). `comment` has no blanks or control characters. Returns 0, -EINVAL, -EIO,
 * -ENOMEM or the errno of writing.
 */
int crypto_ssh_keypair(const char *path, const char *comment, struct error *err, char **ret);

/* The authorized_keys line of an Ed25519 key file written by crypto_ssh_keypair. *ret is malloc'ed.
   Returns 0, -EINVAL (not such a file), -ENOMEM or the errno of reading. */
int crypto_ssh_public(const char *path, struct error *err, char **ret);

#endif
