/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_INTERNAL_H
#define DAEMON_INTERNAL_H

/* The parts of the composition, for daemon.c and loop.c only. */

#include "api/api.h"
#include "azure/azure.h"
#include "config.h"
#include "core/engine.h"
#include "daemon.h"
#include "fs/fs.h"
#include "net/http.h"
#include "simulate.h"
#include "site.h"
#include "view/gateway.h"
#include "watch.h"

#include <stdatomic.h>

#define LOG_ROTATE_BYTES ((off_t)16 << 20)

struct daemon {
    const struct options *options; /* borrowed */
    struct background *background; /* borrowed */
    struct config config;          /* in force */
    struct site site;
    char *pid_file;
    char *log_file; /* NULL: the log is not a file of ours */
    char *url;
    struct store *store;
    struct http *http;
    struct azure *azure;
    struct image_table *images;
    struct model *model;
    struct engine *engine;
    struct gateway gateway;
    struct api *api;
    struct guard *guard;
    struct fs *fs;
    struct fs *fast; /* the mount for fast reading; NULL: none is wanted */
    struct simulator *simulator;
    struct watch *watch;
    int signal_fd;
    bool ending;
    atomic_bool aborted; /* the connection to the kernel, while it was mounted */
};

/* Blocks the signals that the loop reads, in this thread and those it starts later. 0 or -errno. */
int loop_block_signals(struct daemon *d);

/* The engine's wait, wake and publication callbacks; `arg` is a struct daemon. */
int loop_wait(void *arg, usec_t timeout);
void loop_wake(void *arg);
void loop_published(void *arg, const struct change *changes, size_t n);

/* Starts the watcher on the library, the projects and the configuration's directory. Failing is a
   warning: changes are then noticed at SIGHUP and at a restart. */
void loop_start_watch(struct daemon *d);

#endif
