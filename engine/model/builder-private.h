/* SPDX-License-Identifier: MIT */
#ifndef MODEL_BUILDER_PRIVATE_H
#define MODEL_BUILDER_PRIVATE_H

/* Private to the model: the state of a build, and what the parts of the builder share. */

#include "builder.h"
#include "edit.h"
#include "find.h"
#include "node_table.h"
#include "object-list.h"
#include "root.h"

DEFINE_VEC(change_vec, struct change);
DEFINE_VEC(node_box_vec, struct node_box *);

struct builder {
    struct model *model;
    struct edit edit;
    struct snapshot *root;
    struct change_vec changes;
    size_t reserved_changes;      /* room that builder_count may need */
    struct node_box_vec nodes;    /* writable in this build */
    struct node_box_vec recounts; /* ... and asked for since the last count */
    struct cluster_box *recent;   /* the writable cluster that was asked for last */
    uint64_t clusters_edit, items_edit[ITEM_KIND_MAX];
    usec_t now; /* wall time */
    bool dirty, durable, root_owned;
};

/* What happened to an object; `slot` is its `change`. 0 or -ENOMEM. */
int builder_note(struct builder *b, uint32_t *slot, struct change change);

/* The writable copy, without a note of a change. NULL: not there, or no memory. */
struct cluster_box *builder_own_cluster(struct builder *b, uint64_t id);
struct array_box *builder_own_array(struct builder *b, struct cluster_box *c, size_t at);
struct set_box *builder_own_set(struct builder *b, struct cluster_box *c, size_t at);

/* Makes all that builder_count may write to in this cluster writable, and room for the notes. */
int builder_prepare_counts(struct builder *b, struct cluster_box *c);
/* Brings counts and lists up to date with a writable node. 0 or -ENOMEM. */
int builder_count_node(struct builder *b, struct node_box *n);
/* Takes a node out of them, writable or not. 0 or -ENOMEM. */
int builder_uncount_node(struct builder *b, struct cluster_box *c, const struct node_box *n);
/* Removes the rows of an array that goes. 0 or -ENOMEM. */
int builder_drop_array(struct builder *b, struct array_box *a);

/* Takes a node out of use: the table is left alone. 0 or -ENOMEM. */
int builder_forget_node(struct builder *b, struct node_box *n);
/* Removes the nodes with this array id. 0 or -ENOMEM. */
int builder_remove_nodes_of(struct builder *b, struct cluster_box *c, uint64_t array_id);

#endif
