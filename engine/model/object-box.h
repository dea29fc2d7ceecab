/* SPDX-License-Identifier: MIT */
#ifndef MODEL_OBJECT_BOX_H
#define MODEL_OBJECT_BOX_H

/*
 * Private to the model: each object lives in a box with what only the builder needs. The object is
 * the first member, so a pointer to one is a pointer to the other.
 */

#include "item.h"
#include "object.h"

enum box_kind {
    BOX_PLAIN, /* memory without counted texts */
    BOX_NODE,
    BOX_ARRAY,
    BOX_SET,
    BOX_CLUSTER,
    BOX_TYPES, /* struct type_table */
    BOX_USER,
    BOX_ACCOUNT,
    BOX_ORPHAN,
    BOX_ALERT,
    BOX_VOLUME,
    BOX_KIND_MAX,
};

/* What counts and lists of the array, the set and the cluster hold for a node now. */
struct counted {
    uint64_t array_id, set_id;
    struct str *machine_type; /* counted */
    uint32_t cores;
    unsigned lists; /* a bit for each list that it is on */
    enum node_status status;
    bool present, wanted, held, kept, settled, unplaced;
};

struct cluster_box;

struct node_box {
    struct node node;
    struct counted counted;
    struct cluster_box *owner; /* good during the build `node.edit` */
    uint32_t change;           /* 1 + index into the changes of that build, 0 = none */
    bool recount, removed;
};

struct array_box {
    struct array array;
    uint32_t change;
};

struct set_box {
    struct set set;
    uint32_t change;
};

struct cluster_box {
    struct cluster cluster;
    uint64_t arrays_edit, sets_edit; /* the build that owns the two lists' memory */
    uint64_t counts_edit;            /* the build in which all arrays are writable */
    uint32_t change;
};

/* Copies with a reference to each text. `to` is zeroed memory. */
void node_box_copy(struct node_box *to, const struct node_box *from);
void array_box_copy(struct array_box *to, const struct array_box *from);
void set_box_copy(struct set_box *to, const struct set_box *from);
void cluster_box_copy(struct cluster_box *to, const struct cluster_box *from);
/* An item of any kind: `size` bytes of its own struct. */
void item_box_copy(enum box_kind kind, struct item *to, const struct item *from, size_t size);

/* Releases the texts and the memory; not the members of a cluster. Accepts NULL. */
void box_free(enum box_kind kind, void *box);

#endif
