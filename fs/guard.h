/* SPDX-License-Identifier: MIT */
#ifndef FS_GUARD_H
#define FS_GUARD_H

/*
 * A small process that outlives the server and cleans up its mounts.
 *
 * kill -9 alone does not end a server whose notifier is in a system call on the own mount: that
 * call waits for an answer that nobody will give, the thread cannot be killed, it keeps /dev/fuse
 * open, and so the kernel never learns that the mount is dead. Everyone who touches it would hang.
 * The guard learns of the death of the thread that made it, and ends the connection.
 *
 * Threads: one at a time.
 */

#include "base/cleanup.h"

#include <sys/types.h>

struct guard;

/* Mounts of one server. */
#define GUARD_MOUNTS_MAX 4u

/* Starts the guard. To be called early, while the process is small and has one thread; the calling
   thread must live until guard_free, and must not use the mount itself. 0, -ECHILD when the guard
   ended at once, or another -errno. */
int guard_new(struct guard **ret);
/* The mount at `path` on this device is to be cleaned up. 0, -EPIPE when the guard is gone,
   -ENAMETOOLONG, or another -errno. It does not hear of more than GUARD_MOUNTS_MAX. */
int guard_add(struct guard *g, dev_t device, const char *path);
/* The mount on this device is gone already. 0, or as guard_add. */
int guard_remove(struct guard *g, dev_t device);
/* Ends the guard without any cleaning up. Accepts NULL. */
void guard_free(struct guard *g);
DEFINE_CLEANUP(struct guard, guard_free);

#endif
