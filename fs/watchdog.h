/* SPDX-License-Identifier: MIT */
#ifndef FS_WATCHDOG_H
#define FS_WATCHDOG_H

/*
 * Ends the connection when the notifier or the answer thread has been in one call to the kernel for
 * too long: a wedged mount hangs everybody who touches it, and not even kill -9 of the daemon would
 * end that, because the hanging thread keeps /dev/fuse open.
 */

#include "internal.h"

/* Starts the thread. 0 or -errno. */
int watchdog_new(struct fs *fs, struct watchdog **ret);
/* Ends it. Accepts NULL. */
void watchdog_free(struct watchdog *w);

#endif
