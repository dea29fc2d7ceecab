/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_PROCESS_H
#define DAEMON_PROCESS_H

/* Programs that the daemon runs beside itself, and what it asks about processes by their id. */

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct process_spec {
    const char *const *argv; /* argv[0] is the path of the program; ends with NULL */
    int stdout_fd, stderr_fd;
    bool own_session;     /* goes on when the daemon is killed */
    bool die_with_parent; /* is killed with the thread that started it */
    const char *pid_file; /* written by the child before the program begins; NULL: none */
};

/*
 * Starts a program with empty signal mask, default signal actions and standard input from
 * /dev/null. Returns 0 and its id, or -errno with words (-ENOENT: no such program).
 */
int process_spawn(const struct process_spec *spec, struct error *err, pid_t *ret);

/* True when `pid` runs a program of this name (the last part of its path), also one replaced since.
 */
bool process_is(pid_t pid, const char *program);

/* Sends SIGTERM, waits, and after `timeout_ms` sends SIGKILL. Reaps it if it is a child.
   0, or 1 when it had to be killed. */
int process_stop(pid_t pid, int timeout_ms);

/* The directory of the running program, malloc'ed; NULL when it cannot be found. */
char *process_own_dir(void);

/* DIR/NAME of a helper program: beside this one, else in ../libexec/cyclecloudfs. Malloc'ed; NULL
   with words when there is none. */
char *process_find_helper(const char *name, struct error *err);

#endif
