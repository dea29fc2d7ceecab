/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_SITE_H
#define DAEMON_SITE_H

/* What belongs to this machine and this state directory, made on the first start. */

#include "config.h"

struct site {
    char *templates; /* the template library */
    char *projects;
    char *images;         /* the table of images */
    char *secrets;        /* directory of secrets written through the tree; made when needed */
    char *database;       /* directory of the store */
    char *ssh_public_key; /* one authorized_keys line */
};

void site_done(struct site *s);

/* Makes the state directory (mode 0711) if it is not there. 0, -EPERM where others can write to it,
   or another -errno, with words. */
int site_make_state_dir(const char *state_dir, struct error *err);

/*
 * Directories of the state, the library with the templates that ship with the product (only when it
 * is made new), and the administrator's key pair for the nodes, kept in STATE/ssh.
 * `s` is zeroed by the caller. 0 or -errno with words.
 */
int site_prepare(struct site *s, const char *state_dir, const struct config *config,
                 struct error *err);

/*
 * The address that nodes are told: the configuration's `url`, else made from `listen` and the port
 * in use. An address of all interfaces needs `url`. *ret is malloc'ed. 0, -EINVAL, -ENOMEM.
 */
int site_url(const struct config *config, const char *listen, unsigned port, struct error *err,
             char **ret);

#endif
