/* SPDX-License-Identifier: MIT */
#ifndef CORE_OUTCOME_H
#define CORE_OUTCOME_H

/*
 * What the files share that record how a request ended: outcome.c the successes and what passes,
 * outcome-refused.c the refusals and operations that failed.
 */

#include "internal.h"

#define BACKOFF_LAST (60 * USEC_SEC)

/* What an intent makes: nodes of this array, of this machine type. */
struct made {
    const struct array *array; /* NULL: it or its definition is not there any more */
    const char *machine_type;
};

struct made outcome_made_by(struct engine *e, const struct intent *i);

/* Why nodes wait, and until when (0: as soon as the plan comes to them). */
struct holding {
    enum hold hold;
    usec_t not_before;
    const char *message;
};

/* Calls `visit` for each node that waits for this intent; it may remove the node. */
void outcome_each_node(struct engine *e, const struct intent *i,
                       void (*visit)(struct engine *, const struct node *, void *), void *arg);
/* Holds each wanted node that waits for this intent. */
void outcome_hold_nodes(struct engine *e, const struct intent *i, const struct holding *h);
/* The set was written: its members are listed next, and decide what came of it. */
void outcome_set_written(struct engine *e, const struct intent *i);
void outcome_forget_set(struct engine *e, uint64_t cluster_id, uint64_t set_id);
/* What is wanted of a set's members is worked out again from a listing, after a while that grows
   from refusal to refusal but is never less than `least`. Closes the intent. */
void outcome_plan_anew(struct engine *e, struct intent *i, usec_t least);
/* In the logs and events: what failed, and the cloud's words. */
void outcome_announce_failure(struct engine *e, const struct intent *i,
                              const struct cyclecloud_result *result);

/* outcome-refused.c */
/* The cloud refused, at once or after a while. */
void outcome_refused(struct engine *e, struct intent *i, const struct cyclecloud_result *result);
/* The operation itself has failed, for a reason that passes. */
void outcome_operation_failed(struct engine *e, struct intent *i,
                              const struct cyclecloud_result *result);

#endif
