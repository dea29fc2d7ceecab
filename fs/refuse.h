/* SPDX-License-Identifier: MIT */
#ifndef FS_REFUSE_H
#define FS_REFUSE_H

/*
 * What the tree refuses by itself, with words for the caller's last_error. A cluster's `error` is
 * about the last write in it, and stays as it is: programs try things around a save.
 */

#include "internal.h"

enum refusal {
    REFUSE_CREATE,
    REFUSE_UNLINK,
    REFUSE_SYMLINK,
    REFUSE_LINK,
    REFUSE_MKNOD,
    REFUSE_RENAME,
    REFUSE_EXCHANGE,
    REFUSE_WRITE,
    REFUSE_READ,
    REFUSE_ACCESS,
    REFUSE_ROOM,
    REFUSE_LENGTH,
    REFUSE_DOCUMENT,
    REFUSE_SHARE,
    REFUSE_OPEN,
    REFUSE_MAX,
};

/*
 * Answers a request with `code` (-errno) once the words are recorded. `name` is in the directory
 * `p`; NULL: it is about `p` itself. Without memory the bare code is sent.
 */
void refuse(fuse_req_t req, const struct place *p, const char *name, enum refusal why, int code);
/* Answers a request with `r`: -EPERM with the words for `why`, -ENOSPC and -EFBIG with their own,
   anything else without. */
void refuse_change(fuse_req_t req, const struct place *p, const char *name, enum refusal why,
                   int r);

#endif
