/* SPDX-License-Identifier: MIT */
#include "crypto.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

int crypto_sha256(const void *data, size_t len, uint8_t out[CRYPTO_SHA256_SIZE]) {
    unsigned got = 0;
    if (EVP_Digest(data, len, out, &got, EVP_sha256(), NULL) != 1 || got != CRYPTO_SHA256_SIZE)
        return -EIO;
    return 0;
}

int crypto_sha256_hex(const void *data, size_t len, char out[CRYPTO_SHA256_HEX_SIZE]) {
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[CRYPTO_SHA256_SIZE];
    int r = crypto_sha256(data, len, digest);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[CRYPTO_SHA256_HEX_SIZE - 1] = '\0';
    return 0;
}

int crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                       uint8_t out[CRYPTO_SHA256_SIZE]) {
    unsigned got = 0;
    if (key_len > INT32_MAX)
        return -EINVAL;
    const void *k = key_len ? key : "";
    if (!HMAC(EVP_sha256(), k, (int)key_len, data, len, out, &got) || got != CRYPTO_SHA256_SIZE)
        return -EIO;
    return 0;
}

bool crypto_equal(const void *a, const void *b, size_t len) {
    return CRYPTO_memcmp(a, b, len) == 0;
}

bool crypto_equal_text(const char *a, const char *b) {
    size_t la = strlen(a), lb = strlen(b);
    return la == lb && CRYPTO_memcmp(a, b, la) == 0;
}

void crypto_wipe(void *data, size_t len) {
    if (data)
        OPENSSL_cleanse(data, len);
}

int crypto_random_token(size_t n_bytes, char **ret) {
    uint8_t bytes[CRYPTO_TOKEN_BYTES_MAX];
    if (n_bytes == 0 || n_bytes > sizeof(bytes))
        return -EINVAL;
    if (RAND_bytes(bytes, (int)n_bytes) != 1)
        return -EIO;
    _cleanup_buf_ struct buf b = BUF_INIT((size_t)2 * CRYPTO_TOKEN_BYTES_MAX);
    int r = crypto_base64url_encode(bytes, n_bytes, &b);
    crypto_wipe(bytes, sizeof(bytes));
    if (r < 0)
        return r;
    char *text = buf_take(&b);
    if (!text)
        return -ENOMEM;
    *ret = text;
    return 0;
}
