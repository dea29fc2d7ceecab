/* SPDX-License-Identifier: MIT */
#ifndef STORE_FRAME_H
#define STORE_FRAME_H

/*
 * Private to the store: how a value lies on the disk. A version byte, the CRC-32C of key and value
 * (little-endian), the value. The key is part of the sum, so that a value that a damaged index page
 * gives to another key is found out too.
 */

#include <stddef.h>
#include <stdint.h>

#define FRAME_VERSION 1
#define FRAME_HEADER 5

/* Writes FRAME_HEADER + value_len bytes to `frame`. */
void frame_write(unsigned char *frame, const void *key, size_t key_len, const void *value,
                 size_t value_len);

struct frame_value {
    const void *data;
    size_t len;
};

/* Finds the value in a frame (borrowed). 0, -EBADMSG (damaged) or -EPROTO (a newer version). */
int frame_read(const void *frame, size_t frame_len, const void *key, size_t key_len,
               struct frame_value *ret);

#endif
