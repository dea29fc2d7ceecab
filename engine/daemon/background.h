/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_BACKGROUND_H
#define DAEMON_BACKGROUND_H

/*
 * Going to the background. The process forks before it has threads or libraries with state; the
 * parent stays until the child says "ready" or why it is not, prints that, and exits with it. So
 * whoever started the daemon knows that the mount answers, or what is wrong.
 */

#include <stdbool.h>

struct background {
    int report_fd; /* to the waiting parent, -1 in the foreground */
};

/*
 * Forks; the parent never returns from here. In the child standard input, output and error become
 * /dev/null (error stays when systemd's journal reads it). With `foreground` nothing is forked and
 * messages go to standard error. Returns 0 or -errno.
 */
int background_start(struct background *b, bool foreground);

/* Shows a line to whoever started the daemon, before background_ready. */
void background_warn(struct background *b, const char *text);

/* The daemon works: the parent exits with status 0. */
void background_ready(struct background *b);

/* The daemon cannot work: the parent prints `text` and exits with status 1. */
void background_fail(struct background *b, const char *text);

#endif
