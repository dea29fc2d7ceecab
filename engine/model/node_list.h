/* SPDX-License-Identifier: MIT */
#ifndef MODEL_NODE_LIST_H
#define MODEL_NODE_LIST_H

/*
 * Lists of the nodes of an array by what may have to be done for them, and of the members of each
 * scale set, so that a change of one node costs no look at all the others.
 *
 * Invariants
 * - A list belongs to an array, NODES_MEMBERS to a set and NODES_HEADS to the cluster: that is its
 *   `owner`.
 * - A node is on exactly one of the lists up to NODES_LEAVING; those behind it are independent.
 * - The lists are as of the last builder_count: who walks over one looks whether a node still has
 *   what it was listed for, and may change nodes meanwhile.
 *
 * Threads: pure readers of a snapshot, any thread.
 */

#include "object.h"

enum node_list {
    /* wanted, in the order in which a count that falls drops them */
    NODES_FAILED,
    NODES_UNPLACED, /* acquiring, not in a scale set yet */
    NODES_PLACED,   /* acquiring in a scale set */
    NODES_UNREADY,  /* with a VM, and not (or no longer) ready */
    NODES_READY,
    NODES_LEAVING,   /* not wanted */
    NODES_TROUBLED,  /* held, or failed */
    NODES_HEADS,     /* of the cluster */
    NODES_SWITCHING, /* the VM is to be deallocated, or to be started again */
    NODES_WITH_VM,   /* to be started, and the VM is known */
    NODES_MEMBERS,   /* of a set, all of them */
    NODE_LIST_MAX,
};

/* The lists that a node belongs on, a bit each (1u << list). */
unsigned node_lists(const struct node *n);

/* The nodes on a list in order of id. Start with *position = 0; NULL at the end. */
const struct node *cluster_next_listed(const struct cluster *c, uint64_t owner, enum node_list list,
                                       uint64_t *position);
/* The same, the newest first. Start with *position = UINT64_MAX. */
const struct node *cluster_previous_listed(const struct cluster *c, uint64_t owner,
                                           enum node_list list, uint64_t *position);

#endif
