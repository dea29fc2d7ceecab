/* SPDX-License-Identifier: MIT */
#include "frame.h"

#include "base/hash.h"

#include <errno.h>
#include <string.h>

static uint32_t frame_sum(const void *key, size_t key_len, const void *value, size_t value_len) {
    uint32_t sum = key_len ? hash_crc32c(0, key, key_len) : 0;
    return value_len ? hash_crc32c(sum, value, value_len) : sum;
}

void frame_write(unsigned char *frame, const void *key, size_t key_len, const void *value,
                 size_t value_len) {
    uint32_t sum = frame_sum(key, key_len, value, value_len);
    frame[0] = FRAME_VERSION;
    for (unsigned i = 0; i < 4; i++)
        frame[1 + i] = (unsigned char)(sum >> (8 * i));
    if (value_len)
        memcpy(frame + FRAME_HEADER, value, value_len);
}

int frame_read(const void *frame, size_t frame_len, const void *key, size_t key_len,
               struct frame_value *ret) {
    const unsigned char *p = frame;
    if (frame_len < FRAME_HEADER || p[0] == 0)
        return -EBADMSG;
    if (p[0] > FRAME_VERSION)
        return -EPROTO;
    uint32_t sum = 0;
    for (unsigned i = 0; i < 4; i++)
        sum |= (uint32_t)p[1 + i] << (8 * i);
    if (sum != frame_sum(key, key_len, p + FRAME_HEADER, frame_len - FRAME_HEADER))
        return -EBADMSG;
    *ret = (struct frame_value){p + FRAME_HEADER, frame_len - FRAME_HEADER};
    return 0;
}
