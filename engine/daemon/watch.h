/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

/*
 * The program cyclecloud-watch as a child: it tells on a pipe which of the watched directories'
 * files changed. It is started again when it dies. One thread: the engine's.
 */

#include "base/clock.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct watch;

/* Told the path that changed; borrowed. */
typedef void (*watch_changed)(void *arg, const char *path);

/* Told that from now on changes are told; what changed before that was not. `again`: the program
   had told of changes before, and ended. */
typedef void (*watch_ready)(void *arg, bool again);

struct watch_calls {
    watch_changed changed;
    watch_ready ready;
    void *arg;
};

/* Starts it on these files and directories (copied). 0 or -errno with words. */
int watch_start(const char *const *paths, size_t n, const struct watch_calls *calls,
                struct error *err, struct watch **ret);

/* To be polled for reading; -1 while it is not running. */
int watch_fd(const struct watch *w);

/* When watch_dispatch has something to do without the descriptor: monotonic time or USEC_NEVER. */
usec_t watch_due(const struct watch *w);

/* Reads what has come, calls `changed`, and starts the program again when it is time. */
void watch_dispatch(struct watch *w, usec_t now);

void watch_free(struct watch *w);
DEFINE_CLEANUP(struct watch, watch_free);

#endif
