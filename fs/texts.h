/* SPDX-License-Identifier: MIT */
#ifndef FS_TEXTS_H
#define FS_TEXTS_H

/*
 * Long renderings that open files hold: those of a file that are equal are one in memory, however
 * often it is open. A text never changes. Thread-safe.
 */

#include "internal.h"

struct text {
    struct list link;
    unsigned refs; /* guarded by texts.lock */
    uint64_t inode;
    struct buf buf;
};

int texts_new(struct texts **ret);
/* When no text is referenced any more. Accepts NULL. */
void texts_free(struct texts *ts);
/* The shared text of a file with what is in `*b`, which is empty afterwards; a reference. NULL: no
   memory, and `*b` is as it was. */
struct text *texts_share(struct texts *ts, uint64_t inode, struct buf *b);
/* Accepts NULL. */
void text_unref(struct texts *ts, struct text *t);

#endif
