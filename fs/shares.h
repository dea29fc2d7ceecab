/* SPDX-License-Identifier: MIT */
#ifndef FS_SHARES_H
#define FS_SHARES_H

/*
 * What users can make grow here, and how much of it each may have: no one user takes it from the
 * others. A part of each is kept for root. Thread-safe.
 */

#include "internal.h"

enum share {
    SHARE_HANDLES,        /* open files */
    SHARE_DOCUMENT_BYTES, /* in documents that are open for writing */
    SHARE_SCRATCH_FILES,
    SHARE_SCRATCH_BYTES,
    SHARE_MAX,
};

int shares_new(struct shares **ret);
/* Accepts NULL. */
void shares_free(struct shares *s);
/* Takes `n` more for a user. 0; -EDQUOT: the user has its share, -ENOSPC: all is taken (handles:
   -ENFILE for both); -ENOMEM. Nothing is taken then. */
int shares_take(struct shares *s, uid_t uid, enum share share, size_t n);
/* Gives back what was taken. */
void shares_give(struct shares *s, uid_t uid, enum share share, size_t n);
/* What all users have together. */
size_t shares_used(struct shares *s, enum share share);

#endif
