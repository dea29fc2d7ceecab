/* SPDX-License-Identifier: MIT */
#ifndef MODEL_NODE_TABLE_H
#define MODEL_NODE_TABLE_H

/*
 * Private to the model: the nodes of a cluster by id, in order, an index by name, and the lists
 * of node_list.h. All are copy-on-write trees; a node that is replaced by its copy costs one path
 * of the first, a node that comes or goes one path of each. All look-ups are O(log n).
 */

#include "btree.h"
#include "node_list.h"

struct node_table {
    uint64_t edit;
    struct btree ids; /* {id, 0} -> node */
    struct btree
        names; /* {hash of the name, id}; the value is not used, so copies leave it alone */
    struct btree lists; /* {owner and list, id}; likewise */
    size_t n;
};

/* An empty table that belongs to the build. NULL: no memory. */
struct node_table *node_table_new(struct edit *e);
/* Makes *t writable. 0 or -ENOMEM. */
int node_table_own(struct node_table **t, struct edit *e);

struct node_box *node_table_get(const struct node_table *t, uint64_t id);
struct node_box *node_table_get_named(const struct node_table *t, const char *name);
/* The node with the smallest id not less than `id`; NULL: none. */
struct node_box *node_table_at_or_after(const struct node_table *t, uint64_t id);

/* On a writable table. 0, -ENOMEM; replace and remove also -ENOENT. */
int node_table_add(struct node_table *t, struct edit *e, struct node_box *n);
int node_table_replace(struct node_table *t, struct edit *e, struct node_box *n);
int node_table_remove(struct node_table *t, struct edit *e, const struct node_box *n);

/* A place on a list of nodes; the ids of all that can be an owner come from one counter. */
struct node_place {
    uint64_t owner;
    enum node_list list;
    uint64_t id;
};

/* The node at this place or at the next one of its list; NULL: none. */
struct node_box *node_table_listed_from(const struct node_table *t, struct node_place place);
/* The last node of the list in front of this place; NULL: none. */
struct node_box *node_table_listed_before(const struct node_table *t, struct node_place place);
/* Puts a node on a list that it is not on, or takes it off one that it is on. 0, -ENOENT or
   -ENOMEM. */
int node_table_list(struct node_table *t, struct edit *e, struct node_place place);
int node_table_unlist(struct node_table *t, struct edit *e, struct node_place place);

/* Takes the whole table out of use, without the nodes. 0 or -ENOMEM. */
int node_table_drop(struct node_table *t, struct edit *e);
/* Frees a table that nobody else has, with its nodes. Accepts NULL. */
void node_table_free(struct node_table *t);

#endif
