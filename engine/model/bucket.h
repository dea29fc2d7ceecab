/* SPDX-License-Identifier: MIT */
#ifndef MODEL_BUCKET_H
#define MODEL_BUCKET_H

/*
 * Buckets: the nodes of a cluster by array and machine type. What a bucket may hold is in bound.h.
 *
 * Invariants
 * - An array has one bucket for each machine type of its list, in that order (names are compared
 *   without case), then one for each other type that its nodes still have.
 * - Every node is in the bucket of its array and type. One that has no type yet is in the bucket
 *   that the engine would try now. Nodes without a type of an array without a list are in none.
 * - All pointers lead into the snapshot, and are good as long as it is held.
 *
 * Threads: pure readers of a snapshot, any thread.
 */

#include "base/vec.h"
#include "snapshot.h"

#define BUCKET_NONE UINT32_MAX

struct bucket {
    const struct array *array;
    const char *machine_type;        /* spelt as the cloud does where it is known */
    const struct machine_type *type; /* NULL: the cloud has none of this name, or was not asked */
    const struct shortage *shortage; /* NULL: none that matters now */
    bool listed;                     /* the definition in force names it */
    bool valid;                      /* new nodes can be made of it */
    uint32_t vcpus;                  /* of a node; never 0 */
    uint32_t wanted;                 /* nodes that are not on their way out */
    uint32_t active;                 /* nodes with a VM, or that one is being made for */
    uint32_t uncounted;              /* wanted, and not in what the cloud says is used */
    uint32_t first, last;            /* members; BUCKET_NONE = no node */
    uint32_t next;                   /* the array's next bucket; BUCKET_NONE = the last */
};

/* A node in its bucket, in order of id. */
struct bucket_member {
    const struct node *node;
    uint32_t bucket; /* BUCKET_NONE: in no bucket */
    uint32_t next;   /* the bucket's next member */
};

/* A placement group that nodes of a bucket are in. */
struct bucket_group {
    const struct str *name;
    uint32_t bucket;
    uint32_t active;
};

/* What the buckets of one array have in common. */
struct bucket_array {
    const struct array *array;
    uint32_t first, last;   /* its buckets; BUCKET_NONE = it has none */
    uint32_t next_type;     /* the bucket that nodes without a type are in */
    usec_t quotas_read_at;  /* of its account and region; 0 = not yet */
    uint32_t wanted;        /* nodes that are not on their way out */
    uint32_t present;       /* all but those that are off */
    uint64_t wanted_vcpus;  /* of all its wanted nodes */
    uint64_t present_vcpus; /* of all that are present */
};

DEFINE_VEC(bucket_vec, struct bucket);
DEFINE_VEC(bucket_member_vec, struct bucket_member);
DEFINE_VEC(bucket_group_vec, struct bucket_group);
DEFINE_VEC(bucket_array_vec, struct bucket_array);

struct bucket_table {
    const struct snapshot *snapshot;
    const struct cluster *cluster;
    usec_t now;
    uint64_t asked; /* nodes that are about to get a record (demand_ask) */
    struct bucket_vec buckets;
    struct bucket_array_vec arrays;   /* as in the cluster */
    struct bucket_member_vec members; /* with bucket_table_add_members */
    struct bucket_group_vec groups;   /* likewise */
};

/* The buckets of a cluster with their numbers, as its nodes were counted last (builder_count); no
   node is looked at but those that the cloud's usage cannot contain yet. `now` is wall time. 0; or
   -ENOMEM, and there is nothing to release. */
int bucket_table_make(const struct snapshot *s, const struct cluster *c, usec_t now,
                      struct bucket_table *ret);
/* Adds the members and placement groups, in one pass over the nodes. 0 or -ENOMEM. */
int bucket_table_add_members(struct bucket_table *t);
void bucket_table_done(struct bucket_table *t);
#define _cleanup_buckets_ _cleanup_(bucket_table_done)

/* The same by id, for who counts what is asked for. NULL: no such array. */
struct bucket_array *bucket_table_part(struct bucket_table *t, uint64_t array_id);
/* The buckets of an array of the table's cluster. */
const struct bucket_array *bucket_table_array(const struct bucket_table *t,
                                              const struct array *array);

/* Until when the engine will not try to get a machine of this bucket; 0 = it may try now. */
usec_t bucket_held_until(const struct bucket *b, usec_t now);

/* VMs that a placement group of nodes of this definition may hold. */
uint32_t placement_group_size(const struct array_spec *spec);

#endif
