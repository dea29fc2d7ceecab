/* SPDX-License-Identifier: MIT */
#ifndef FS_REPLAY_H
#define FS_REPLAY_H

/*
 * Which changes are worth an inotify event, and how often. A file gets at most one event a second,
 * and only when its contents are others than at the last one; all together stay within a budget.
 * Used by the notifier thread alone.
 */

#include "cache.h"

struct replays;

int replays_new(struct fs *fs, struct replays **ret);
void replays_free(struct replays *rs);

/* This file may have changed. Beyond the bound on files nothing is noted. */
void replays_add(struct replays *rs, uint64_t inode);
/* This object is new: its directory is to be made again for watchers of the one above. */
void replays_add_made(struct replays *rs, uint64_t object_id, enum object_type type);
/* The next file that is due; false when none is. *ret_size is its size now. */
bool replays_next(struct replays *rs, usec_t now, uint64_t *ret_inode, uint64_t *ret_size);
/* The next new object; false when there is none, or the budget is used up. */
bool replays_next_made(struct replays *rs, usec_t now, uint64_t *ret_object_id,
                       enum object_type *ret_type);
/* Takes one from the budget; false when it is used up. */
bool replays_afford(struct replays *rs, usec_t now);
/* When something is due next, monotonic; USEC_NEVER: nothing waits. */
usec_t replays_due(const struct replays *rs, usec_t now);

#endif
