/* SPDX-License-Identifier: MIT */
#include "node_list.h"

#include "node_table.h"

static enum node_list stage_of(const struct node *n) {
    if (n->target == TARGET_TERMINATED)
        return NODES_LEAVING;
    switch (n->status) {
    case NODE_FAILED:
        return NODES_FAILED;
    case NODE_ACQUIRING:
        return n->set_id ? NODES_PLACED : NODES_UNPLACED;
    case NODE_READY:
        return NODES_READY;
    default:
        return NODES_UNREADY;
    }
}

unsigned node_lists(const struct node *n) {
    bool troubled = n->hold != HOLD_NONE || n->status == NODE_FAILED;
    bool off = n->target == TARGET_DEALLOCATED && n->status == NODE_DEALLOCATING;
    bool on = n->target == TARGET_STARTED && n->status == NODE_DEALLOCATED;
    bool with_vm = n->target == TARGET_STARTED && str_len(n->resource_id);
    return 1u << stage_of(n) | (unsigned)troubled << NODES_TROUBLED |
           (unsigned)n->fixed << NODES_HEADS | (unsigned)(off || on) << NODES_SWITCHING |
           (unsigned)with_vm << NODES_WITH_VM | (unsigned)(n->set_id != 0) << NODES_MEMBERS;
}

const struct node *cluster_next_listed(const struct cluster *c, uint64_t owner, enum node_list list,
                                       uint64_t *position) {
    struct node_place place = {owner, list, *position};
    const struct node_box *n =
        *position == UINT64_MAX ? NULL : node_table_listed_from(c->nodes, place);
    *position = n ? n->node.id + 1 : UINT64_MAX;
    return n ? &n->node : NULL;
}

const struct node *cluster_previous_listed(const struct cluster *c, uint64_t owner,
                                           enum node_list list, uint64_t *position) {
    struct node_place place = {owner, list, *position};
    const struct node_box *n = *position ? node_table_listed_before(c->nodes, place) : NULL;
    *position = n ? n->node.id : 0;
    return n ? &n->node : NULL;
}
