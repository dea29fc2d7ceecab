/* SPDX-License-Identifier: MIT */
#ifndef FS_FAST_H
#define FS_FAST_H

/*
 * The mount for fast reading: a second one of the same tree, read-only. The kernel is told that
 * opening and closing need no request, so a program that reads what has been read before sends
 * nothing at all. Files are given in versions (version.h), directories and links as on the ordinary
 * mount, append-only files by their plain ids: what the kernel holds of them is a beginning of what
 * they are.
 *
 * What writes is refused with EROFS by the kernel, and here for whoever has mounted it writable by
 * hand. A `sync FILE` that would wait for the cloud is refused likewise: it would hold the inode's
 * lock, which every close(2) takes where close sends nothing.
 */

#include "internal.h"

/* Its requests. */
const struct fuse_lowlevel_ops *fast_operations(void);

/* When somebody has unmounted it, the notifier's own way to it is given up as well, and with that
   the connection ends. Looks every few seconds at most. Notifier thread. */
void fast_look_after_mount(struct fs *fs, usec_t now);

#endif
