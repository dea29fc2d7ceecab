/* SPDX-License-Identifier: MIT */
#include "seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint32_t crc32(const unsigned char *text, size_t len) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= text[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~crc;
}

void seal_make(const void *text, size_t len, char ret[SEAL_BYTES + 1]) {
    (void)snprintf(ret, SEAL_BYTES + 1, "#%08" PRIx32 "\n", crc32(text, len));
}

bool seal_is_good(const char *text, size_t len) {
    char seal[SEAL_BYTES + 1];
    if (len < SEAL_BYTES)
        return false;
    seal_make(text, len - SEAL_BYTES, seal);
    return memcmp(text + len - SEAL_BYTES, seal, SEAL_BYTES) == 0;
}
