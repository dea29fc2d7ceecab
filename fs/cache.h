/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_H
#define FS_CACHE_H

/*
 * What the kernel may keep, and for how long. Timeouts are in seconds, for struct fuse_entry_param.
 */

#include "internal.h"

/* How long a name may stand for this place. */
double cache_entry_timeout(const struct place *p);
/* How long its attributes may be kept. */
double cache_attr_timeout(const struct place *p);
/* True when its contents are read through the page cache. */
bool cache_pages(const struct place *p);

#endif
