/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FS_HOST_H
#define TESTS_FS_HOST_H

/*
 * The pretended engine behind fs-host: real model, real memory store, one thread that applies
 * commands by the simplest rules that still are the contract of the file system.
 */

#include "fs/fs.h"
#include "model/builder.h"
#include "store/history.h"

#include "base/vec.h"

DEFINE_VEC(ticket_vec, uint64_t);

struct host {
    struct gateway gateway;
    struct model *model;
    struct store *store;
    struct fs *fs;
    struct fs *fast; /* the mount for fast reading, or NULL */
    pthread_t thread;
    uint64_t next_id;     /* engine thread */
    uint64_t made_id;     /* engine thread: what the command made */
    bool converged;       /* engine thread: what `sync` waits for */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    struct list queue;  /* struct command: to be applied */
    struct list parked; /* struct command: COMMAND_SYNC */
    struct list lines;  /* struct line: what standard input asks for */
    uint64_t next_ticket;
    struct ticket_vec cancelled;
    bool stop;
    bool stalled; /* who gives a command waits until this ends */
    pthread_cond_t go_on;
};

/* What a person at the test's end of standard input wants, as one line. */
struct line {
    struct list link;
    char *text;
};

/* apply.c: changes `b` as the command asks. 0 or -errno with words. */
int apply_command(struct host *h, struct builder *b, const struct command *c, struct error *err);
/* Changes `b` as the line asks ("status CLUSTER NODE ready", "log CLUSTER words" ...). 0 or
 * -EINVAL. */
int apply_line(struct host *h, struct builder *b, char *text);

int host_start(struct host *h);
void host_stop(struct host *h);
/* From now on whoever gives a command waits, or no longer. */
void host_stall(struct host *h, bool stalled);

#endif
