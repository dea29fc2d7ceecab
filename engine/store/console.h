/* SPDX-License-Identifier: MIT */
#ifndef STORE_CONSOLE_H
#define STORE_CONSOLE_H

/*
 * What nodes' VMs wrote to their serial consoles, as it was last read: one text of at most 256 KiB
 * for a node, replaced as a whole and removed with the node. It is not in memory: who wants to read
 * one reads the store. A reader sees only what was committed.
 */

#include "store.h"

#define CONSOLE_KEY_SIZE 9

/* The key of a node's console. */
void console_key(uint64_t node_id, unsigned char key[CONSOLE_KEY_SIZE]);

/* Appends the console of a node to `b`; nothing when none was read yet. 0, or as store_get but
   -ENOENT. Any thread. */
int console_read(struct store *s, uint64_t node_id, struct buf *b);

#endif
