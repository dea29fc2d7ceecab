/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_CONSOLE_FIXTURE_H
#define TESTS_UNIT_CONSOLE_FIXTURE_H

/* What tests of consoles look at. All functions assert by themselves. */

#include "core-fixture.h"

/* A cluster with a head and so many nodes, all ready. */
void begin_with(struct world *w, int64_t nodes);
/* How many consoles the cloud was asked for. */
unsigned reads(const struct world *w);
/* A node of the cluster by its place or name, as plain data: its texts are not to be looked at. */
struct node node_at(struct world *w, unsigned at);
struct node node_named(struct world *w, const char *name);
/* Whether the store has this console of a node; "" is none. */
bool console_is(struct world *w, uint64_t node_id, const char *text);
/* How often this part of a line is in the node's logs. */
unsigned lines_with(struct world *w, uint64_t node_id, const char *part);
/* A verb for a node, and the one that asks for its console. */
struct answer_seen control(struct world *w, uint64_t node_id, const char *verb);
struct answer_seen ask(struct world *w, uint64_t node_id);

#endif
