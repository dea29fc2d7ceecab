/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_MOUNT_H
#define DAEMON_MOUNT_H

/* The mount, as those who use it see it. */

#include "base/error.h"

/* Waits until a FUSE file system answers at `path`. 0, or -errno with words. */
int mount_answers(const char *path, struct error *err);

#endif
