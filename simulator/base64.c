/* SPDX-License-Identifier: MIT */
#include "base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int digit_value(char c) {
    if (c == '+')
        c = '-';
    else if (c == '/')
        c = '_';
    const char *at = c ? strchr(url_alphabet, c) : NULL;
    return at ? (int)(at - url_alphabet) : -EINVAL;
}

int base64_decode(struct buf *b, const char *text, size_t len) {
    while (len > 0 && text[len - 1] == '=')
        len--;
    if (len % 4 == 1)
        return -EINVAL;
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < len; i++) {
        int value = digit_value(text[i]);
        if (value < 0)
            return value;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            int r = buf_putc(b, (char)(bits >> have & 0xff));
            if (r < 0)
                return r;
        }
    }
    return 0;
}

int base64url_encode(struct buf *b, const void *data, size_t len) {
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t bits = (uint32_t)bytes[i] << 16;
        if (left > 1)
            bits |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2)
            bits |= bytes[i + 2];
        size_t digits = left > 2 ? 4 : left + 1;
        for (size_t k = 0; k < digits; k++) {
            int r = buf_putc(b, url_alphabet[bits >> (18 - 6 * k) & 63]);
            if (r < 0)
                return r;
        }
    }
    return 0;
}
