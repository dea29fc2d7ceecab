/* SPDX-License-Identifier: MIT */
#ifndef WATCH_PENDING_H
#define WATCH_PENDING_H

/* The paths that have changed and were not told yet: each once, in order of their first change. */

#include <stdbool.h>
#include <stddef.h>

#define PENDING_MAX 4096u

struct pending {
    char **paths; /* owned */
    size_t len, cap;
    bool overflow; /* more than PENDING_MAX: the paths say too little */
};

/* Adds a path (copied) unless it is there. A path with a line break stands as its directory. 0 or
   -ENOMEM; beyond PENDING_MAX it only sets `overflow`. */
int pending_add(struct pending *p, const char *path);
/* Writes a line "changed PATH" for each to `fd` and forgets them. 0, -EPIPE when nobody reads any
   more, or another -errno. */
int pending_flush(struct pending *p, int fd);
void pending_clear(struct pending *p);
void pending_done(struct pending *p);

/* Writes all of `text`. 0 or -errno. */
int write_text(int fd, const char *text, size_t len);

#endif
