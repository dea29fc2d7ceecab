/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_NODE_H
#define TEMPLATE_NODE_H

/* One node or nodearray as the record NODE of template.h. */

#include "inherit.h"

/*
 * Works out a node. `missing` (may be NULL) is a record by name that gets {"name", "label"} of what
 * the node needs and nobody gave. NULL: out of memory.
 */
struct value *node_evaluate(struct scope *s, const struct node_def_list *nodes,
                            const struct node_def *node, struct value *missing);

/* Adds to the record of missing things unless it is there. 0 or as value_record_set. */
int missing_add(struct value *missing, const char *name, const char *label);

/*
 * The cluster-init specs of a node in the order they run (cluster-init.c): the sections of its
 * layers, then `additional` (the value of AdditionalClusterInitSpecs; borrowed, may be NULL).
 * NULL: out of memory.
 */
struct value *cluster_init_evaluate(struct scope *s, const struct section_list *layers,
                                    const struct value *additional, struct owner owner);

#endif
