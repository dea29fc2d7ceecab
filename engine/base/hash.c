/* SPDX-License-Identifier: MIT */
#include "hash.h"

#include <string.h>

#define CRC32C_POLYNOMIAL 0x82f63b78U /* reflected */

uint32_t hash_crc32c(uint32_t crc, const void *data, size_t len) {
    const unsigned char *p = data;
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (CRC32C_POLYNOMIAL & (0U - (crc & 1)));
    }
    return ~crc;
}

uint64_t hash_fnv1a(const void *data, size_t len) {
    const unsigned char *p = data;
    uint64_t h = 0xcbf29ce484222325U;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3U;
    return h;
}

uint64_t hash_text(const char *text) {
    return hash_fnv1a(text, strlen(text));
}
