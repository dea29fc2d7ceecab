/* SPDX-License-Identifier: MIT */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H

/* The serial consoles of nodes' VMs: when they are read, and what becomes of it. Engine thread. */

#include "internal.h"

/* A person asks for the console of a node's VM. 0: the wish is in its record and will be sent after
   the commit; -EBUSY (no VM, asked just now, or too many are waiting) with words. */
int console_ask(struct engine *e, const struct node *n, struct error *err);

/* Whether a VM is still needed although it is useless: its console is being read, and not for too
   long. */
bool console_pending(const struct node *n, usec_t now);
/* The same before a VM is given up; asks for its console, once for each start. `n` may be outdated
   afterwards. */
bool console_comes_first(struct engine *e, const struct node *n);

/* Sends what was wished for in earlier ticks, a few at a time. */
void consoles_due(struct engine *e);
usec_t consoles_next(const struct engine *e);
/* Takes up the wishes that a cluster's records hold. */
void consoles_learn(struct engine *e, const struct cluster *c);
/* What was read is on disk. */
void consoles_saved(struct engine *e);
void consoles_free(struct engine *e);

#endif
