/* SPDX-License-Identifier: MIT */
#ifndef FS_TOUCH_H
#define FS_TOUCH_H

/*
 * What the notifier does with the own mount, so that watchers hear of a change: only system calls
 * through it make inotify events. The workers recognise the notifier and change nothing. All
 * functions: notifier thread.
 *
 * Nothing here leaves the own file system: a user may have mounted another one, which need not
 * answer, on a directory that is his.
 */

#include "notify.h"

/* Drops a name; nothing where `parent` (an inode) is 0. */
void touch_forget_name(struct fs *fs, uint64_t parent, const char *name);
/* The file has other contents, and this size. */
void touch_file(struct fs *fs, uint64_t inode, uint64_t size);
/* The directory of an object is there already: its name is dropped, and made again where watchers
   see it. */
void touch_made(struct fs *fs, uint64_t object_id, enum object_type type);
/* The node `name` of a cluster is gone, or the cluster `name` where that is NULL: rmdir(2) makes
   the event and removes the name as well. `inode` is that of its directory. 0, -ESTALE when the
   kernel has something else under that name, or another -errno. */
int touch_removed(struct fs *fs, const struct cluster *cl, const char *name, uint64_t inode);

#endif
