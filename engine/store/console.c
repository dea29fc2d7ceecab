/* SPDX-License-Identifier: MIT */
#include "console.h"

#include <errno.h>

void console_key(uint64_t node_id, unsigned char key[CONSOLE_KEY_SIZE]) {
    key[0] = 'v';
    for (unsigned i = 0; i < 8; i++)
        key[1 + i] = (unsigned char)(node_id >> (56 - 8 * i));
}

int console_read(struct store *s, uint64_t node_id, struct buf *b) {
    unsigned char key[CONSOLE_KEY_SIZE];
    console_key(node_id, key);
    int r = store_get(s, key, sizeof(key), b);
    return r == -ENOENT ? 0 : r;
}
