/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_INHERIT_H
#define TEMPLATE_INHERIT_H

/* Which sections make up a node: [[node defaults]], what it extends, and its own. */

#include "scope.h"

/* All sections of one name: given twice, a node is merged, and a cluster adds to its parent's. */
struct node_def {
    const char *name;             /* borrowed from the template */
    bool is_array;                /* as the last section says */
    struct section_list sections; /* in the order they apply */
};

DEFINE_VEC(node_def_list, struct node_def);

/*
 * The nodes of a cluster, those of its parents first, in the order of first mention; fills
 * s->nodes. What is wrong is reported. 0 or -ENOMEM.
 */
int nodes_collect(struct scope *s, const struct section *cluster, struct node_def_list *ret);
void nodes_done(struct node_def_list *nodes);
const struct node_def *nodes_find(const struct node_def_list *nodes, const char *name);

/* True for `defaults` and for nodes that say Abstract: they never become nodes. -ENOMEM. */
int node_is_abstract(struct scope *s, const struct node_def *node);

/*
 * The sections that make up `node` in the order they apply: later ones win. Unknown names and
 * circles are reported. 0 or -ENOMEM.
 */
int node_layers(struct scope *s, const struct node_def_list *nodes, const struct node_def *node,
                struct section_list *ret);

/* The sections of a cluster and of the clusters it inherits from, parents first. 0 or -ENOMEM. */
int cluster_layers(struct scope *s, const struct section *cluster, struct section_list *ret);

struct owner node_owner(const struct node_def *node);

#endif
