/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_CONFIG_EDIT_H
#define DAEMON_CONFIG_EDIT_H

/*
 * The text of the configuration, changed without touching what is not meant: comments and order of
 * the other sections stay. Pure functions over texts; each appends to `b` and returns 0 or -errno
 * as buf.h says, and more where it is written.
 */

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>

/* What stands for a secret that is kept: reading gives it, writing it changes nothing. */
#define CONFIG_SECRET_MASK "********"

struct config_text {
    const char *text;
    size_t len;
};

/* The lines of [account NAME] without its header, as they are. -ENOENT when it is not there. */
int config_account_lines(struct config_text whole, const char *account, struct buf *b);

/* `whole` with these lines in place of those of [account NAME]; a new section goes to the end. */
int config_replace_account(struct config_text whole, const char *account, struct config_text lines,
                           struct buf *b);

/* The lines with each `client_secret_file` that begins with `dir` as a masked client_secret. */
int config_mask_secrets(struct config_text lines, const char *dir, struct buf *b);

/* Gives a path for the secret of an account, or a refusal in words. */
typedef int (*config_keep_secret)(void *arg, const char *account, const char *secret,
                                  struct buf *path, struct error *err);

/* `whole` with each `client_secret = VALUE` of an account as the client_secret_file that `keep`
   gives for it. Or what keep returned. */
int config_keep_secrets(struct config_text whole, config_keep_secret keep, void *arg, struct buf *b,
                        struct error *err);

/* True when one of the lines is a section header. */
bool config_has_header(struct config_text lines);

#endif
