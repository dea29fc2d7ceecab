/* SPDX-License-Identifier: MIT */
#include "crypto.h"

#include <errno.h>
#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char urlsafe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int encode(const char *alphabet, bool pad, const uint8_t *p, size_t len, struct buf *b) {
    if (len > SIZE_MAX / 2 || buf_reserve(b, (len + 2) / 3 * 4) < 0)
        return buf_error(b) ? buf_error(b) : -E2BIG;
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v = (uint32_t)p[i] << 16;
        if (n > 1)
            v |= (uint32_t)p[i + 1] << 8;
        if (n > 2)
            v |= p[i + 2];
        char four[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63],
                        n > 1 ? alphabet[v >> 6 & 63] : '=', n > 2 ? alphabet[v & 63] : '='};
        (void)buf_append(b, four, pad ? 4 : n + 1);
    }
    return buf_error(b);
}

int crypto_base64_encode(const void *data, size_t len, struct buf *b) {
    return encode(standard, true, data, len, b);
}

int crypto_base64url_encode(const void *data, size_t len, struct buf *b) {
    return encode(urlsafe, false, data, len, b);
}

static int value_of(const char *alphabet, char c) {
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

/* Decodes a last or inner group of n = 2..4 letters; bits that say nothing must be zero. */
static int decode_group(const char *alphabet, const char *p, size_t n, struct buf *b) {
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++) {
        int digit = value_of(alphabet, p[i]);
        if (digit < 0)
            return -EINVAL;
        v = v << 6 | (uint32_t)digit;
    }
    v <<= 6 * (4 - n);
    if (v & (0xffffffU >> (8 * (n - 1)) & 0xffffffU))
        return -EINVAL;
    uint8_t three[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    return buf_append(b, three, n - 1);
}

static int decode(const char *alphabet, const char *text, size_t len, struct buf *b) {
    size_t start = b->len;
    if (len % 4 == 1)
        return -EINVAL;
    for (size_t i = 0; i < len; i += 4) {
        size_t n = len - i < 4 ? len - i : 4;
        int r = decode_group(alphabet, text + i, n, b);
        if (r < 0) {
            buf_truncate(b, start);
            return r;
        }
    }
    return 0;
}

static size_t strip_padding(const char *text, size_t len) {
    for (int i = 0; i < 2 && len && text[len - 1] == '='; i++)
        len--;
    return len;
}

int crypto_base64_decode(const char *text, size_t len, struct buf *b) {
    if (len % 4)
        return -EINVAL;
    return decode(standard, text, strip_padding(text, len), b);
}

int crypto_base64url_decode(const char *text, size_t len, struct buf *b) {
    if (len && text[len - 1] == '=' && len % 4)
        return -EINVAL;
    return decode(urlsafe, text, strip_padding(text, len), b);
}
