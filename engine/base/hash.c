/* SPDX-License-Identifier: MIT */
#include "hash.h"

#include <stdbool.h>
#include <string.h>
#ifdef __x86_64__
#include <nmmintrin.h>
#endif

/* What four bits do to the checksum; the reflected polynomial is 0x82f63b78. */
static const uint32_t crc32c_nibbles[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static uint32_t crc32c_by_table(uint32_t crc, const unsigned char *p, size_t len) {
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ crc32c_nibbles[crc & 15];
        crc = crc >> 4 ^ crc32c_nibbles[crc & 15];
    }
    return crc;
}

#ifdef __x86_64__

/* Eight bytes an instruction (SSE 4.2): a commit checks all that it writes and reads. */
__attribute__((target("sse4.2"))) static uint32_t
crc32c_by_cpu(uint32_t crc, const unsigned char *p, size_t len) {
    uint64_t wide = crc;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t eight;
        memcpy(&eight, p, sizeof(eight));
        wide = _mm_crc32_u64(wide, eight);
    }
    crc = (uint32_t)wide;
    for (; len > 0; p++, len--)
        crc = _mm_crc32_u8(crc, *p);
    return crc;
}

uint32_t hash_crc32c(uint32_t crc, const void *data, size_t len) {
    bool fast = __builtin_cpu_supports("sse4.2");
    return ~(fast ? crc32c_by_cpu(~crc, data, len) : crc32c_by_table(~crc, data, len));
}

#else

uint32_t hash_crc32c(uint32_t crc, const void *data, size_t len) {
    return ~crc32c_by_table(~crc, data, len);
}

#endif

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
