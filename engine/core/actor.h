/* SPDX-License-Identifier: MIT */
#ifndef CORE_ACTOR_H
#define CORE_ACTOR_H

/*
 * Who does what is being recorded: the caller of the command that is applied now, or, between
 * commands (plans, answers of the cloud), the server itself.
 */

#include "base/buf.h"
#include "model/command.h"

struct engine;
struct snapshot;
struct node;

struct actor {
    enum command_source source;
    uid_t uid; /* SOURCE_MOUNT */
};

/* What is recorded from now on was done by the caller of `c`; NULL: by the server. */
void actor_set(struct engine *e, const struct command *c);
/* {"source":"mount","uid":1000,"name":"ada"}; `n`: the node that an event is about, or NULL. */
void actor_put_json(const struct engine *e, const struct snapshot *s, const struct node *n,
                    struct buf *b);
/* " (by ada)", for people; nothing for the server and for nodes. */
void actor_put_words(const struct engine *e, const struct snapshot *s, struct buf *b);

#endif
