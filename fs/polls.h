/* SPDX-License-Identifier: MIT */
#ifndef FS_POLLS_H
#define FS_POLLS_H

/*
 * poll(2): a file with VIEW_POLL is ready when its contents are others than those that the reader
 * of this descriptor has seen, a stream when it has grown past what was read. POLLIN, POLLPRI and
 * POLLERR are given together, as sysfs does. Reading from the start (a stream: reading) makes it
 * unready.
 */

#include "cache.h"

int polls_new(struct polls **ret);
void polls_free(struct polls *ps);

/* What the reader of this handle has seen now. Under h->lock or before the handle is known. */
void poll_seen_text(struct handle *h);
void poll_seen_stream(struct handle *h, uint64_t offset);
/* Takes a handle out; nothing wakes it any more. */
void poll_leave(struct polls *ps, struct handle *h);
/* Wakes those whose file changed; `clusters` names the clusters that did. Notifier thread. */
void polls_wake(struct fs *fs, const struct id_vec *clusters);

#endif
