/* SPDX-License-Identifier: MIT */
#ifndef FS_RENEW_H
#define FS_RENEW_H

/*
 * What the notifier has to do with versions (version.h), and on an ordinary mount nothing. All
 * functions: notifier thread.
 */

#include "version.h"

/* The contents of a file may be others: if so, its name is dropped, and who looks it up finds
   another version. Those who have it open keep theirs. False when it is no such file. */
bool renew_file(struct fs *fs, uint64_t inode);
/* Owner, group or mode of many are others: attributes are asked for again, contents stay. */
void renew_access(struct fs *fs);

#endif
