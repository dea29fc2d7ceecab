/* SPDX-License-Identifier: MIT */
#ifndef MODEL_BUILDER_H
#define MODEL_BUILDER_H

/*
 * How a new snapshot is made from the current one. The builder copies what is written
 * (node -> chunk -> table -> cluster -> root), shares the rest, and counts as it goes. Publishing
 * is one pointer swap; an abandoned build leaves no trace.
 *
 * Invariants
 * - Engine thread only. One build at a time.
 * - A pointer from builder_cluster/array/set/node is writable until the build ends, and asking
 * again returns the same pointer. Pointers read through snapshot.h functions from
 * builder_snapshot() see the build's own state, and are const.
 * - counts, types and node_times of arrays and clusters, and `wanted` of sets, follow the nodes by
 *   themselves: do not write them.
 * - A node's fields that these and the lists (node_list.h) depend on may be written freely through
 *   builder_node's pointer; counts and lists are brought up to date when the build ends, or by
 *   builder_count(), which returns at once when nothing changed. builder_count() looks at the nodes
 *   asked for since it was called last: who keeps a pointer across it asks again. `fixed` says
 *   whether a node counts as a head node. Counts that moved are a VOLATILE change of the array and
 *   the cluster. A set is there before a node with its id is counted.
 * - Names are given by builder_add_* and builder_rename_cluster; `name` must not be written.
 * - All functions that give a writable pointer return NULL when memory ran out; the build is then
 *   only good for builder_abandon.
 */

#include "snapshot.h"

struct builder;

/* What a touched object means for the store. */
enum durability {
    VOLATILE, /* heartbeats: not stored */
    DURABLE,
};

/* An empty model at revision 0. 0 or -ENOMEM. `clock` must outlive it. */
int model_new(const struct clock *clock, struct model **ret);
/* All snapshots must have been released. */
void model_free(struct model *m);

/* Begins a build over the current snapshot. 0 or -ENOMEM. */
int builder_begin(struct model *m, struct builder **ret);
/* The build's own state, for reading; good until the build ends. */
const struct snapshot *builder_snapshot(const struct builder *b);
/* True when something was touched. */
bool builder_dirty(const struct builder *b);
/* True when a DURABLE object was touched. */
bool builder_durable(const struct builder *b);
/* Brings counts and lists up to date. 0; or -ENOMEM, and the build is only good for
   builder_abandon. */
int builder_count(struct builder *b);
/* Makes the build current, frees what nobody can see any more, and frees the builder. 0; or
   -ENOMEM, and the build is only good for builder_abandon: never when no node was written to since
   builder_count. */
int builder_publish(struct builder *b);
/* Drops the build. Accepts NULL. */
void builder_abandon(struct builder *b);

/* The root's own fields (catalog, last_errors, server), writable. `last_errors` is a copy with room
   for LIMIT_LAST_ERRORS rows; `catalog` is shared, so it is replaced and never written to. NULL: no
   memory. */
struct snapshot *builder_root(struct builder *b);
/* Replaces the catalog (stolen on success). 0 or -ENOMEM. */
int builder_set_catalog(struct builder *b, struct catalog *catalog);
/* Notes why the last thing that this user asked for was refused; the oldest row makes room. 0 or
   -ENOMEM. */
int builder_set_last_error(struct builder *b, uid_t uid, const char *text);

/* A catalog with this many zeroed rows, or NULL when memory ran out. Rows own their texts. */
struct catalog *catalog_new(size_t n_types, size_t n_quotas, size_t n_shortages);
void catalog_free(struct catalog *c);

/* Adds a zeroed cluster / array / set / node with this id and name; writable. An array's
   max_count_set is -1. NULL: no memory, no such cluster, or the id (of a cluster: the name) is
   taken. */
struct cluster *builder_add_cluster(struct builder *b, uint64_t id, const char *name);
struct array *builder_add_array(struct builder *b, uint64_t cluster_id, uint64_t id,
                                const char *name);
struct set *builder_add_set(struct builder *b, uint64_t cluster_id, uint64_t id, const char *name);
struct node *builder_add_node(struct builder *b, uint64_t cluster_id, uint64_t id,
                              const char *name);

/* The writable copy of an object; NULL when it does not exist or memory ran out. */
struct cluster *builder_cluster(struct builder *b, uint64_t id, enum durability d);
struct array *builder_array(struct builder *b, uint64_t cluster_id, uint64_t id, enum durability d);
struct set *builder_set(struct builder *b, uint64_t cluster_id, uint64_t id, enum durability d);
struct node *builder_node(struct builder *b, uint64_t cluster_id, uint64_t id, enum durability d);

/* Removes an object with what it holds (a cluster: everything; an array: its nodes and sets; a set:
   nothing), each with a change of its own. 0, -ENOENT or -ENOMEM. */
int builder_remove_cluster(struct builder *b, uint64_t id);
int builder_remove_array(struct builder *b, uint64_t cluster_id, uint64_t id);
int builder_remove_set(struct builder *b, uint64_t cluster_id, uint64_t id);
int builder_remove_node(struct builder *b, uint64_t cluster_id, uint64_t id);
/* Renames a cluster, keeping the order by name. 0, -ENOENT, -EEXIST or -ENOMEM. */
int builder_rename_cluster(struct builder *b, uint64_t id, const char *name);
/* Puts the arrays into the order of these ids (all of the cluster's). 0, -ENOENT, -ENOMEM. */
int builder_order_arrays(struct builder *b, uint64_t cluster_id, const uint64_t *ids, size_t n);

/* Users, accounts, orphans, alerts and volumes (item.h). Each pointer is a struct of the kind:
   writable like those above, and NULL for the same reasons. `changed_at` follows by itself. */
void *builder_add_item(struct builder *b, enum item_kind kind, uint64_t id, const char *name);
void *builder_item(struct builder *b, enum item_kind kind, uint64_t id, enum durability d);
/* 0, -ENOENT or -ENOMEM. */
int builder_remove_item(struct builder *b, enum item_kind kind, uint64_t id);

enum object_type {
    OBJECT_CLUSTER,
    OBJECT_ARRAY,
    OBJECT_SET,
    OBJECT_NODE,
    OBJECT_USER, /* the kinds of item, in their order; their cluster_id is 0 */
    OBJECT_ACCOUNT,
    OBJECT_ORPHAN,
    OBJECT_ALERT,
    OBJECT_VOLUME,
};

/* One change of this build, for the store and for those who watch. */
struct change {
    enum object_type type;
    enum durability durability;
    bool added, removed;
    uint64_t cluster_id, id;
};

/* The changes so far, each object once; good until the next call on the builder. */
const struct change *builder_changes(const struct builder *b, size_t *ret_n);

/* Lists of texts and specs are shared and counted, engine thread only. NULL is empty. */
struct str_list *str_list_new(const char *const *items, size_t n); /* NULL: no memory, or n is 0 */
struct str_list *str_list_ref(struct str_list *l);
void str_list_unref(struct str_list *l);
struct array_spec *array_spec_new(void);
struct array_spec *array_spec_ref(struct array_spec *s);
void array_spec_unref(struct array_spec *s);

#endif
