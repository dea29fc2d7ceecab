/* SPDX-License-Identifier: MIT */
#ifndef VIEW_GATEWAY_H
#define VIEW_GATEWAY_H

/*
 * What a face of the product (the file system, HTTP) may do with the engine: read the current
 * snapshot, read history, and submit commands. Made by the daemon; the faces see nothing else.
 */

#include "model/command.h"
#include "model/snapshot.h"
#include "store/store.h"

struct gateway {
    struct model *model;
    struct store *store;
    const struct clock *clock;
    const char *template_library; /* directory that `templates` links to */
    const char *projects;         /* directory that `projects` links to */
    /*
     * Hands a command to the engine, which owns it from here and will call its reply once. Returns
     * 0 (the command's ticket is in *ret_ticket if not NULL), or -EAGAIN when the queue is full or
     * the engine is stopping: then the command still belongs to the caller. Any thread.
     */
    int (*submit)(void *engine, struct command *command, uint64_t *ret_ticket);
    /* Asks for an early answer (-EINTR) to a parked command. Late or unknown tickets are ignored.
       The reply still comes exactly once. Any thread. */
    void (*cancel)(void *engine, uint64_t ticket);
    void *engine;
    /* Permission bits, owner and group of the root directory and of the server's own files; a mode
       of 0 is VIEW_ROOT_MODE. The simulator's server uses 01777. */
    mode_t root_mode;
    uid_t root_uid;
    gid_t root_gid;
};

#define VIEW_ROOT_MODE ((mode_t)01775)

#endif
