/* SPDX-License-Identifier: MIT */
#ifndef CORE_AGENT_CHECK_H
#define CORE_AGENT_CHECK_H

/*
 * What a node may say of itself (docs/internals/agent-protocol.md). A node is not trusted: its
 * words end up in files, logs and on terminals, so a body with a member that has not its form is
 * refused whole. Pure functions.
 */

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>

/* The bodies of the two calls. 0, or -EINVAL with the name of the member and the form it must have;
   its value is not quoted. */
int agent_check_register(const json_t *body, struct error *err);
int agent_check_status(const json_t *body, struct error *err);

/* Appends a node's free words as part of one line, at most 2 KiB. 0 or as buf.h. */
int agent_message(const json_t *body, struct buf *b);

#endif
