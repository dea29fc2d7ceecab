/* SPDX-License-Identifier: MIT */
#ifndef BASE_HASH_H
#define BASE_HASH_H

/* Checksums and hashes that need no key and no library. Not for security: see crypto/. */

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4). Start with `crc` 0; may be continued. */
uint32_t hash_crc32c(uint32_t crc, const void *data, size_t len);

/* Spreads a number over the upper bits, for tables of a power of two (Knuth, TAOCP 3, 6.4). */
static inline uint64_t hash_u64(uint64_t key) {
    return key * UINT64_C(0x9E3779B97F4A7C15);
}

/* 64-bit FNV-1a. */
uint64_t hash_fnv1a(const void *data, size_t len);
uint64_t hash_text(const char *text);

#endif
