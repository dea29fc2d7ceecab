/* SPDX-License-Identifier: MIT */
#ifndef CORE_PLAN_PARTS_H
#define CORE_PLAN_PARTS_H

/* What a plan is made of, for those who make one. Without memory `error` of the plan is set. */

#include "plan.h"

/* Why nodes wait, and until when (0: something else tells). */
struct plan_reason {
    enum hold hold;
    usec_t not_before;
    const char *message;
};

/* A line for people. */
void plan_say(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* It has to be planned again by then (wall time). */
void plan_again(struct plan *p, usec_t at);
/* A new action, good until the next one is made; NULL: no memory. */
struct plan_action *plan_act(struct plan *p, enum intent_kind kind);
/* The node waits; nothing is noted when its record says so already. */
void plan_wait_for(struct plan *p, const struct node *n, const struct plan_reason *why);

/* Wanted, without a VM, and nothing under way. */
bool plan_is_pending(const struct node *n);
/* Its time has come. What waits for a quota is looked at with what is known of the quotas by now;
   after a restart its record is all that is known. */
bool plan_is_due(const struct plan_input *in, const struct node *n);
/* A line about nodes that wait: why, and until when. */
void plan_say_wait(struct plan *p, const struct array *a, size_t nodes,
                   const struct plan_reason *why);
/* Lines about the nodes of an array that the plan does nothing for (plan-held.c). */
void plan_say_held(struct plan *p, const struct plan_input *in, const struct array *a);

/* What was learnt of a set, NULL for nothing. */
const struct set_work *plan_set_work(const struct plan_input *in, const struct set *s);
/* The intent gives something, and has no request on its way: what takes it away again may follow it
   at once. */
bool plan_superseded(const struct plan_input *in, uint64_t intent_id);

/* So many of the pending nodes of an array get this machine type. */
struct plan_share {
    const char *machine_type; /* borrowed from the input */
    size_t nodes;
};

DEFINE_VEC(plan_shares, struct plan_share);

/* Why none gets any, and until when (0: something else tells). */
struct plan_no_type {
    enum hold hold;
    usec_t until;
    char message[256];
};

/* Shares `n` pending nodes out among the machine types of their array (plan-types.c). 0 or -ENOMEM;
   of those that get no share *ret_why says why. */
int plan_share_types(const struct plan_input *in, const struct array *a, size_t n,
                     struct plan_shares *ret, struct plan_no_type *ret_why);

/* What the members of the scale sets need (plan-members.c). */
void plan_sets(struct plan *p, const struct plan_input *in);

/* plan-kept.c: says which nodes an edited template does not reach. */
void plan_kept(struct plan *p, const struct plan_input *in);

#endif
