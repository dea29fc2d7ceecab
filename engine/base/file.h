/* SPDX-License-Identifier: MIT */
#ifndef BASE_FILE_H
#define BASE_FILE_H

/* Whole small files, and whole writes. */

#include "buf.h"
#include "error.h"

#include <sys/types.h>

/* Appends the contents of `path` to `b` (its maximum is the limit). 0 or -errno, -E2BIG too long.
 */
int file_read(const char *path, struct buf *b);

/* Replaces `path` atomically: a new temporary file whose name nobody can foresee, fsync, rename,
   fsync of the directory. 0 or -errno. */
int file_write(const char *path, const void *data, size_t len, mode_t mode);

/* Writes all of `data` (len bytes) to a descriptor that blocks; a signal does not end it. 0 or
   -errno: part of it may be written then. */
int file_write_fd(int fd, const void *data, size_t len);

/* mkdir -p; existing directories are fine. 0 or -errno. */
int file_make_dirs(const char *path, mode_t mode);

#endif
