/* SPDX-License-Identifier: MIT */
#ifndef FS_SLEEPERS_H
#define FS_SLEEPERS_H

/*
 * poll(2) on the mount for fast reading. A descriptor stands for one version of a file there, so it
 * is ready when the file says something else by now, and stays so: who was woken opens the file
 * again. Files without VIEW_POLL, and streams, whose reader's place nobody knows here, are always
 * ready, as plain files are.
 */

#include "version.h"

struct sleepers;

int sleepers_new(struct sleepers **ret);
void sleepers_free(struct fs *fs, struct sleepers *s);

/* The request. */
void fast_poll(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi,
               struct fuse_pollhandle *ph);
/* Wakes those whose file says something else now. Notifier thread. */
void sleepers_wake(struct fs *fs);

#endif
