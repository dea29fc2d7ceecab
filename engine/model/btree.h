/* SPDX-License-Identifier: MIT */
#ifndef MODEL_BTREE_H
#define MODEL_BTREE_H

/*
 * Private to the model: a copy-on-write B+ tree from pairs of numbers to pointers, in order.
 *
 * Invariants
 * - A page belongs to the build whose number it carries; a page of another build is copied before
 * it is written, with the pages above it. So a change costs one path, and readers of an older
 *   snapshot see the pages that they had.
 * - Pages hold at most BTREE_FANOUT entries; all leaves are at the same depth. The key of an entry
 * in an inner page is at most the smallest key below it.
 *
 * Writing: engine thread. Reading: any thread that holds the snapshot.
 */

#include "edit.h"

#define BTREE_FANOUT 64

struct btree_key {
    uint64_t major, minor;
};

struct btree_entry {
    struct btree_key key;
    void *value; /* in inner pages: the page below */
};

struct btree_page {
    uint64_t edit;
    uint32_t n;
    bool leaf;
    struct btree_entry entries[BTREE_FANOUT];
};

struct btree {
    struct btree_page *root; /* NULL: empty */
};

/* The entry with the smallest key that is not less than `key`; NULL: none. */
const struct btree_entry *btree_at_or_after(const struct btree *t, struct btree_key key);

/* The entry with the largest key that is less than `key`; NULL: none. */
const struct btree_entry *btree_before(const struct btree *t, struct btree_key key);

/* Adds an entry whose key is not there yet. 0 or -ENOMEM (then the tree is only good to be
 * abandoned). */
int btree_insert(struct btree *t, struct edit *e, struct btree_entry entry);
/* Takes an entry out. 0, -ENOENT or -ENOMEM. */
int btree_remove(struct btree *t, struct edit *e, struct btree_key key);
/* Replaces the value of a key that is there. 0, -ENOENT or -ENOMEM. */
int btree_replace(struct btree *t, struct edit *e, struct btree_key key, void *value);

/* Drops all pages. 0 or -ENOMEM. */
int btree_drop(struct btree *t, struct edit *e);
/* Frees all pages at once; for a tree that nobody else has. */
void btree_free(struct btree *t);

#endif
