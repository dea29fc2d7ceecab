/* SPDX-License-Identifier: MIT */
#include "builder-private.h"

int builder_prepare_counts(struct builder *b, struct cluster_box *c) {
    if (c->counts_edit == b->edit.number)
        return 0;
    size_t notes = b->reserved_changes + c->cluster.arrays.len + 1;
    if (change_vec_reserve(&b->changes, notes) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < c->cluster.arrays.len; i++)
        if (!builder_own_array(b, c, i))
            return -ENOMEM;
    b->reserved_changes = notes;
    c->counts_edit = b->edit.number;
    return 0;
}

static struct counted counted_of(const struct node *n) {
    bool wanted = n->target != TARGET_TERMINATED;
    return (struct counted){
        .array_id = n->array_id,
        .cores = node_status_has_vm(n->status) ? n->cores : 0,
        .status = n->status,
        .present = true,
        .wanted = wanted,
        .held = wanted && n->hold >= HOLD_PERSON,
        .head = n->fixed,
    };
}

static bool counted_equal(const struct counted *a, const struct counted *b) {
    return a->array_id == b->array_id && a->cores == b->cores && a->status == b->status &&
           a->present == b->present && a->wanted == b->wanted && a->held == b->held &&
           a->head == b->head;
}

/* Adds (sign 1) or takes away (sign -1); unsigned arithmetic wraps to the right result. */
static void counts_add(struct counts *to, const struct counted *c, int sign) {
    uint32_t one = (uint32_t)sign;
    to->by_status[c->status] += one;
    to->wanted += c->wanted ? one : 0;
    to->held += c->held ? one : 0;
    to->cores += one * c->cores;
}

/* A note for which builder_prepare_counts made room. */
static void note_counts(struct builder *b, uint32_t *slot, struct change change) {
    if (!*slot)
        b->reserved_changes--;
    (void)builder_note(b, slot, change);
}

static void count(struct builder *b, struct cluster_box *c, const struct counted *counted,
                  int sign) {
    if (!counted->present)
        return;
    counts_add(counted->head ? &c->cluster.head_counts : &c->cluster.counts, counted, sign);
    struct change change = {OBJECT_CLUSTER, VOLATILE, false, false, c->cluster.id, c->cluster.id};
    note_counts(b, &c->change, change);
    size_t at = model_find_array(&c->cluster, counted->array_id);
    if (at == FIND_NONE)
        return;
    struct array_box *a = c->cluster.arrays.items[at];
    counts_add(&a->array.counts, counted, sign);
    change.type = OBJECT_ARRAY;
    change.id = a->array.id;
    note_counts(b, &a->change, change);
}

void builder_uncount_node(struct builder *b, struct cluster_box *c, const struct node_box *n) {
    count(b, c, &n->counted, -1);
}

static usec_t later(usec_t a, usec_t b) {
    return a > b ? a : b;
}

static void note_times(struct node_times *t, const struct node *n) {
    t->status_at = later(t->status_at, later(n->status_at, n->created_at));
    t->seen_at = later(t->seen_at, later(t->status_at, n->last_seen));
}

/* No note of a change: who watches a cluster or array looks at it when a node of it changed. */
static void note_node_times(struct cluster *c, const struct node *n) {
    note_times(&c->node_times, n);
    size_t at = model_find_array(c, n->array_id);
    if (at != FIND_NONE)
        note_times(&((struct array_box *)c->arrays.items[at])->array.node_times, n);
}

void builder_count_node(struct builder *b, struct node_box *n) {
    n->recount = false;
    if (n->removed)
        return;
    note_node_times(&n->owner->cluster, &n->node);
    struct counted now = counted_of(&n->node);
    if (counted_equal(&now, &n->counted))
        return;
    count(b, n->owner, &n->counted, -1);
    count(b, n->owner, &now, 1);
    n->counted = now;
}

void builder_count(struct builder *b) {
    for (size_t i = 0; i < b->recounts.len; i++)
        builder_count_node(b, b->recounts.items[i]);
    b->recounts.len = 0;
}
