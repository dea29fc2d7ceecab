/* SPDX-License-Identifier: MIT */
#include "builder-private.h"
#include "type_table.h"

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
        .set_id = n->set_id,
        .machine_type = n->machine_type,
        .cores = n->cores,
        .lists = node_lists(n),
        .status = n->status,
        .present = true,
        .wanted = wanted,
        .held = wanted && n->hold >= HOLD_PERSON,
        .kept = wanted && n->keepalive,
        .settled = n->status == target_status(n->target),
        .unplaced = n->target == TARGET_STARTED && !str_len(n->resource_id),
    };
}

static bool counted_equal(const struct counted *a, const struct counted *b) {
    return a->array_id == b->array_id && a->set_id == b->set_id &&
           a->machine_type == b->machine_type && a->cores == b->cores && a->lists == b->lists &&
           a->status == b->status && a->present == b->present && a->wanted == b->wanted &&
           a->held == b->held && a->kept == b->kept && a->settled == b->settled &&
           a->unplaced == b->unplaced;
}

/* Adds (sign 1) or takes away (sign -1); unsigned arithmetic wraps to the right result. */
static void counts_add(struct counts *to, const struct counted *c, int sign) {
    uint32_t one = (uint32_t)sign;
    to->by_status[c->status] += one;
    to->wanted += c->wanted ? one : 0;
    to->held += c->held ? one : 0;
    to->kept += c->kept ? one : 0;
    to->settled += c->settled ? one : 0;
    to->cores += node_status_has_vm(c->status) ? one * c->cores : 0;
}

static int count_type(struct builder *b, struct array *a, const struct counted *c, int sign) {
    const struct type_count count = {
        .machine_type = c->machine_type,
        .nodes = 1,
        .wanted = c->wanted,
        .present = node_status_present(c->status),
        .active = node_status_has_vm(c->status),
        .unplaced = c->unplaced,
        .cores = c->cores,
    };
    return type_table_count(&a->types, &b->edit, &count, sign);
}

/* Of a set that is not there any more nothing is counted. */
static int count_member(struct builder *b, struct cluster_box *c, const struct counted *counted,
                        int sign) {
    size_t at = counted->set_id ? model_find_set(&c->cluster, counted->set_id) : FIND_NONE;
    if (at == FIND_NONE || !counted->wanted)
        return 0;
    struct set_box *s = builder_own_set(b, c, at);
    if (!s)
        return -ENOMEM;
    s->set.wanted += (uint32_t)sign;
    return 0;
}

/* A note for which builder_prepare_counts made room. */
static void note_counts(struct builder *b, uint32_t *slot, struct change change) {
    if (!*slot)
        b->reserved_changes--;
    (void)builder_note(b, slot, change);
}

static void count_cluster(struct builder *b, struct cluster_box *c, const struct counted *counted,
                          int sign) {
    bool head = counted->lists & 1u << NODES_HEADS;
    counts_add(head ? &c->cluster.head_counts : &c->cluster.counts, counted, sign);
    struct change change = {OBJECT_CLUSTER, VOLATILE, false, false, c->cluster.id, c->cluster.id};
    note_counts(b, &c->change, change);
}

static int count_array(struct builder *b, struct cluster_box *c, const struct counted *counted,
                       int sign) {
    size_t at = model_find_array(&c->cluster, counted->array_id);
    if (at == FIND_NONE)
        return 0;
    struct array_box *a = c->cluster.arrays.items[at];
    counts_add(&a->array.counts, counted, sign);
    struct change change = {OBJECT_ARRAY, VOLATILE, false, false, c->cluster.id, a->array.id};
    note_counts(b, &a->change, change);
    return count_type(b, &a->array, counted, sign);
}

static int count(struct builder *b, struct cluster_box *c, const struct counted *counted,
                 int sign) {
    if (!counted->present)
        return 0;
    count_cluster(b, c, counted, sign);
    int r = count_array(b, c, counted, sign);
    return r < 0 ? r : count_member(b, c, counted, sign);
}

static struct node_place place_on(const struct node_box *n, const struct counted *c,
                                  enum node_list list) {
    uint64_t owner = list == NODES_MEMBERS ? c->set_id
                     : list == NODES_HEADS ? n->node.cluster_id
                                           : c->array_id;
    return (struct node_place){owner, list, n->node.id};
}

static bool is_on(const struct counted *c, enum node_list list) {
    return c->lists >> list & 1u;
}

/* Takes a node off the lists that it is no longer on, and puts it on those that it now is. */
static int relist(struct builder *b, struct cluster_box *c, const struct node_box *n,
                  const struct counted *now) {
    const struct counted *old = &n->counted;
    struct node_table *t = c->cluster.nodes;
    int r = 0;
    for (enum node_list list = 0; r == 0 && list < NODE_LIST_MAX; list++) {
        struct node_place from = place_on(n, old, list);
        struct node_place to = place_on(n, now, list);
        bool moved = is_on(old, list) != is_on(now, list) || from.owner != to.owner;
        if (moved && is_on(old, list))
            r = node_table_unlist(t, &b->edit, from);
        if (r == 0 && moved && is_on(now, list))
            r = node_table_list(t, &b->edit, to);
    }
    return r;
}

int builder_uncount_node(struct builder *b, struct cluster_box *c, const struct node_box *n) {
    static const struct counted nothing = {0};
    int r = count(b, c, &n->counted, -1);
    return r < 0 ? r : relist(b, c, n, &nothing);
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

int builder_count_node(struct builder *b, struct node_box *n) {
    n->recount = false;
    if (n->removed)
        return 0;
    note_node_times(&n->owner->cluster, &n->node);
    struct counted now = counted_of(&n->node);
    if (counted_equal(&now, &n->counted))
        return 0;
    int r = relist(b, n->owner, n, &now);
    if (r == 0)
        r = count(b, n->owner, &n->counted, -1);
    if (r == 0)
        r = count(b, n->owner, &now, 1);
    str_unref(n->counted.machine_type);
    n->counted = now;
    (void)str_ref(now.machine_type);
    return r;
}

int builder_count(struct builder *b) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < b->recounts.len; i++)
        r = builder_count_node(b, b->recounts.items[i]);
    b->recounts.len = 0;
    return r;
}
