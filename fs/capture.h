/* SPDX-License-Identifier: MIT */
#ifndef FS_CAPTURE_H
#define FS_CAPTURE_H

/*
 * What this process and its children print to standard error meanwhile. fusermount3 says there, and
 * nowhere else, why it refuses a mount; a daemon in the background would lose it. Descriptor 2 is
 * exchanged for the time: only where no other thread prints.
 */

#include "base/buf.h"

struct capture {
    int stderr_fd; /* the real one; -1: nothing is captured */
    int memory_fd;
};

/* Begins; what cannot be captured goes where it went before. */
void capture_begin(struct capture *c);
/* Ends, and appends what was printed to `ret`, as one line without the last newline. */
void capture_end(struct capture *c, struct buf *ret);

#endif
