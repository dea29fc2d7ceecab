/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WATCH_ROOTS_H
#define WATCH_ROOTS_H

/*
 * What is watched: the files and directories named on the command line, and the inotify watches
 * that this takes, through libinotifytools (GPL-2, hence this program's own licence).
 *
 * The directory above each root is watched, so that a root may come, go and be replaced; a
 * directory root is watched with all below it, except names that begin with a dot or end in a tilde
 * (scratch files of editors, .git). The library keeps names by watch, and forgets a watch that the
 * kernel has dropped only together with all others: so whatever takes a directory away makes the
 * watches stale, and they are all made anew (roots_watch).
 */

#include "base/error.h"
#include "pending.h"

#include <stdint.h>
#include <sys/types.h>

/* What a root looked like when it was watched. */
struct probe {
    dev_t parent_dev, dev; /* of the directory above, and of the root when it is a directory */
    ino_t parent_ino, ino;
    uint64_t target; /* hash of the path that symbolic links lead to, 0 = the root is not there */
};

struct root {
    char *path;   /* absolute, no slash at the end */
    char *target; /* where symbolic links lead, NULL when it is not there */
    struct probe probe;
    uint64_t stamp; /* of a file's state, 0 = it is not there */
    bool changed;   /* between the last two roots_watch, or perhaps so */
};

struct roots {
    struct root *items;
    size_t len;
    size_t n_watches;
};

/* Adds a root; a relative path is taken from the working directory. 0 or -errno. */
int roots_add(struct roots *r, const char *path);
/* Drops all watches and makes them anew. 0 or -errno with words in `err`. */
int roots_watch(struct roots *r, struct error *err);
/* Watches a new directory below a root. 0 or -errno with words in `err`. */
int roots_watch_below(struct roots *r, const char *path, struct error *err);
/* True when a root or the directory above it is no longer what is watched. */
bool roots_moved(const struct roots *r);
/* Notes a change of `path` where it concerns a root: the path, or the root whose target it is.
   True in *ret_below when it lies below a directory root. 0 or -ENOMEM. */
int roots_changed(const struct roots *r, const char *path, struct pending *p, bool *ret_below);
/* Notes what may have changed unseen before the last roots_watch: directory roots, and files that
   differ. 0 or -ENOMEM. */
int roots_missed(const struct roots *r, struct pending *p);
void roots_done(struct roots *r);

#endif
