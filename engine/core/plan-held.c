/* SPDX-License-Identifier: MIT */
#include "base/parse.h"
#include "plan-parts.h"

#include <string.h>

/* Nodes that the plan does nothing for, and why: so that it never says "nothing to do" while wanted
 * nodes wait. */

#define HELD_MAX 20

struct held {
    struct plan_reason why;
    size_t nodes;
};

bool plan_is_pending(const struct node *n) {
    return n->target == TARGET_STARTED && !n->set_id && !n->intent_id && !str_len(n->resource_id) &&
           n->status == NODE_ACQUIRING;
}

bool plan_is_due(const struct plan_input *in, const struct node *n) {
    return n->not_before <= in->now || (n->hold == HOLD_QUOTA && in->engine->quotas_learnt);
}

void plan_say_wait(struct plan *p, const struct array *a, size_t nodes,
                   const struct plan_reason *why) {
    _cleanup_buf_ struct buf until = BUF_INIT(256);
    bool person = why->not_before == USEC_NEVER || why->hold == HOLD_RETRIES;
    if (person) {
        (void)buf_puts(&until, "; correct that, then write retry to `control`");
    } else if (why->not_before) {
        (void)buf_puts(&until, "; next attempt at ");
        (void)time_format(&until, why->not_before);
    }
    plan_say(p, "wait: %zu node%s of %s (%s): %s%s", nodes, text_plural(nodes), str_text(a->name),
             hold_name(why->hold), why->message, until.data);
}

/* When the request that the node waits for is sent again; 0: it is on its way, or there is none. */
static usec_t next_request(const struct plan_input *in, const struct node *n) {
    const struct set *s = n->set_id ? cluster_set_by_id(in->cluster, n->set_id) : NULL;
    uint64_t id = n->intent_id ? n->intent_id : s ? s->intent_id : 0;
    const struct intent_vec *v = &in->engine->intents;
    for (size_t i = 0; id && i < v->len; i++)
        if (v->items[i]->id == id)
            return v->items[i]->state == INTENT_OPEN ? v->items[i]->next_at : 0;
    return 0;
}

static bool same_reason(const struct plan_reason *a, const struct plan_reason *b) {
    return a->hold == b->hold && a->not_before == b->not_before &&
           strcmp(a->message, b->message) == 0;
}

/* Returns how many reasons there are by now. */
static size_t add_held(struct held held[HELD_MAX], size_t n, const struct plan_reason *why) {
    for (size_t i = 0; i < n; i++) {
        if (!same_reason(&held[i].why, why))
            continue;
        held[i].nodes++;
        return n;
    }
    if (n < HELD_MAX)
        held[n++] = (struct held){*why, 1};
    return n;
}

void plan_say_held(struct plan *p, const struct plan_input *in, const struct array *a) {
    struct held held[HELD_MAX];
    size_t n = 0;
    uint64_t position = 0;
    const struct node *node;
    while ((node = cluster_next_listed(in->cluster, a->id, NODES_TROUBLED, &position))) {
        bool planned = plan_is_pending(node) && plan_is_due(in, node);
        if (node->target == TARGET_TERMINATED || planned || node->hold == HOLD_NONE)
            continue;
        usec_t at = node->not_before > in->now ? node->not_before : next_request(in, node);
        n = add_held(held, n, &(struct plan_reason){node->hold, at, str_text(node->message)});
    }
    for (size_t i = 0; i < n; i++)
        plan_say_wait(p, a, held[i].nodes, &held[i].why);
}
